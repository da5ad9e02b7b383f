//! Fault injection: a TCP proxy that breaks connections, as networks and dying servers do. Each connection takes the next fault of a
//! script; after the end of the script, connections pass.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The fault of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    Pass,
    /// A reset after this many bytes of the request; the server sees none of them.
    Reset(usize),
    /// The request is read, and no answer ever comes.
    Hang,
    /// The connection ends after this many bytes of the answer.
    Cut(usize),
}

/// A running proxy. It ends with all its connections when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<ProxyState>,
    accepting: JoinHandle<()>,
}

struct ProxyState {
    upstream: Mutex<SocketAddr>,
    script: Mutex<VecDeque<Fault>>,
    requests: Mutex<Vec<Vec<u8>>>,
}

impl Proxy {
    /// A proxy on a free port before the server at `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), upstream).await
    }

    /// A proxy at `address` before the server at `upstream`.
    pub async fn at(address: SocketAddr, upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("it is bound");
        let (upstream, script, requests) = (Mutex::new(upstream), Mutex::default(), Mutex::default());
        let shared = Arc::new(ProxyState { upstream, script, requests });
        Self { address, accepting: tokio::spawn(accept(listener, Arc::clone(&shared))), shared }
    }

    /// The proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of an HTTP server behind it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Appends faults for the next connections.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.shared.script).extend(faults);
    }

    /// Sends later connections to another server.
    pub fn redirect(&self, upstream: SocketAddr) {
        *lock(&self.shared.upstream) = upstream;
    }

    /// The requests of each connection so far, as text.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The header `name` (in lower case) of the first request of each connection.
    pub fn headers(&self, name: &str) -> Vec<Option<String>> {
        let find = |request: &String| {
            let lines = request.lines().take_while(|line| !line.is_empty());
            let pairs = lines.filter_map(|line| line.split_once(':'));
            pairs.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
        };
        self.requests().iter().map(find).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<ProxyState>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let fault = lock(&shared.script).pop_front().unwrap_or(Fault::Pass);
        let mut requests = lock(&shared.requests);
        let record = ConnectionRecord { shared: Arc::clone(&shared), index: requests.len() };
        requests.push(Vec::new());
        drop(requests);
        connections.spawn(connection(client, fault, record));
        while connections.try_join_next().is_some() {}
    }
}

/// Any error ends the connection, as in any proxy.
async fn connection(mut client: TcpStream, fault: Fault, record: ConnectionRecord) -> io::Result<()> {
    match fault {
        Fault::Reset(bytes) => {
            let mut left = bytes;
            let mut buffer = vec![0; BUFFER_BYTES];
            while left > 0 {
                let read = client.read(&mut buffer[..left.min(BUFFER_BYTES)]).await?;
                record.append(&buffer[..read]);
                left = if read == 0 { 0 } else { left - read };
            }
            client.set_zero_linger()
        }
        Fault::Hang => loop {
            let mut buffer = vec![0; BUFFER_BYTES];
            match client.read(&mut buffer).await? {
                0 => return Ok(()),
                read => record.append(&buffer[..read]),
            }
        },
        Fault::Cut(bytes) => forward(client, &record, bytes).await,
        Fault::Pass => forward(client, &record, usize::MAX).await,
    }
}

/// Forwards bytes in both directions until the server is done, or `limit` bytes of its answers have passed.
async fn forward(client: TcpStream, record: &ConnectionRecord, limit: usize) -> io::Result<()> {
    let upstream = *lock(&record.shared.upstream);
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = from_client.read(&mut buffer).await?;
            if read == 0 {
                return to_server.shutdown().await;
            }
            record.append(&buffer[..read]);
            to_server.write_all(&buffer[..read]).await?;
        }
    };
    let down = async {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut left = limit;
        while left > 0 {
            let read = from_server.read(&mut buffer[..left.min(BUFFER_BYTES)]).await?;
            if read == 0 {
                break;
            }
            to_client.write_all(&buffer[..read]).await?;
            left -= read;
        }
        Ok(())
    };
    let up = async {
        match up.await {
            // The answer may still be in transit.
            Ok(()) => std::future::pending().await,
            Err(error) => Err(error),
        }
    };
    tokio::select! {
        done = up => done,
        done = down => done,
    }
}

/// The recorded bytes of a connection.
struct ConnectionRecord {
    shared: Arc<ProxyState>,
    index: usize,
}

impl ConnectionRecord {
    fn append(&self, bytes: &[u8]) {
        let request = &mut lock(&self.shared.requests)[self.index];
        // Tests look at the head of a request.
        let room = MAX_RECORDED_BYTES.saturating_sub(request.len());
        request.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const BUFFER_BYTES: usize = 16 << 10;
const MAX_RECORDED_BYTES: usize = 4 << 10;
