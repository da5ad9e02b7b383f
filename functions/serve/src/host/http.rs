//! The HTTP server: containers, GPU hosts, a laptop. HTTP/1.1 and HTTP/2 without TLS on one port, gRPC among the latter.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use crate::grpc;
use crate::router::{Host, router};

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `host` and `port`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or is not one of this machine.
    pub async fn bind(host: &str, port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves `host` on `server`, over gRPC too, until `stop` is done; then refuses new calls and answers those under way, for
/// 25 s at most. A connection that sends no whole head for 75 s is cut; one of HTTP/2 where it leaves a ping without an answer.
///
/// # Errors
/// None at present: an error of one connection ends that connection.
pub async fn serve(server: Server, host: Host, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let connections = GracefulShutdown::new();
    let router = grpc::beside(router(host.clone()), host.clone());
    tokio::select! {
        () = accept(server.listener, &router, &connections, &host) => {}
        () = host.account() => {}
        () = stop => {}
    }
    // The listener is closed by now, so nobody is left waiting in its backlog.
    host.drain();
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!("calls were still under way when the time to stop was up");
    }
    host.settle().await;
    Ok(())
}

async fn accept(mut listener: TcpListener, router: &Router, connections: &GracefulShutdown, host: &Host) {
    loop {
        // Waits where there are no more descriptors, and goes on.
        let (connection, _) = Listener::accept(&mut listener).await;
        tokio::spawn(answer(connection, router.clone(), connections.watcher(), host.clone()));
    }
}

/// Answers the calls of one connection.
async fn answer(connection: TcpStream, router: Router, watcher: Watcher, host: Host) {
    // Answers are small and wanted at once.
    let _ = connection.set_nodelay(true);
    let is_http2 = tokio::select! {
        is_http2 = tokio::time::timeout(HEAD, speaks_http2(&connection)) => is_http2,
        // Nothing was asked over it.
        () = host.drained() => return,
    };
    let Ok(Ok(is_http2)) = is_http2 else { return };
    let (connection, service) = (TokioIo::new(connection), TowerToHyperService::new(router));
    let ended = if is_http2 {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .keep_alive_interval(HEAD)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME);
        watcher.watch(http.serve_connection(connection, service)).await
    } else {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        watcher.watch(http.serve_connection(connection, service)).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Whether a connection begins as HTTP/2 does with those who know that it is spoken (RFC 9113 §3.3): no byte of it is taken.
async fn speaks_http2(connection: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let read = connection.peek(&mut first).await?;
        if read == 0 || first[..read] != PREFACE[..read] {
            return Ok(false);
        }
        if read == PREFACE.len() {
            return Ok(true);
        }
        // What is there already is not waited for again.
        tokio::time::sleep(REST_OF_PREFACE).await;
    }
}

/// RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const REST_OF_PREFACE: Duration = Duration::from_millis(5);
/// How much of a message comes without a word from here: tensors of megabytes are not to wait for a round trip every 64 KiB.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for all streams of a connection, which bounds the memory that one takes.
const CONNECTION_WINDOW: u32 = 4 << 20;
const FRAME: u32 = 64 << 10;

/// How long a connection may go without a whole head. The same clock runs while a connection that is kept alive is idle,
/// so it is longer than the 60 s for which a load balancer of AWS keeps one: where the server is the first to close, a
/// call can be on its way to it, and the caller gets 502.
const HEAD: Duration = Duration::from_secs(75);
/// How long calls that are under way may take when a server stops. ECS gives 30 s from SIGTERM to SIGKILL.
pub(super) const DRAIN: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::access::Accounts;
    use crate::config::Limits;

    /// A server without models, and what stops it.
    async fn start() -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
        let host = Host::new(Accounts::in_memory().expect("random"), Limits::default());
        let server = Server::bind("127.0.0.1", 0).await.expect("a free port");
        let (address, (stop, stopped)) = (server.address(), oneshot::channel());
        let serving = tokio::spawn(serve(server, host, async { stopped.await.unwrap_or_default() }));
        (address, stop, serving)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_whole_head_is_cut() {
        let (address, _stop, _) = start().await;
        for head in ["", "GET /v2 HTTP/1.1\r\nhost:", "PRI * HTTP/2.0\r\n"] {
            let begun = Instant::now();
            let mut connection = TcpStream::connect(address).await.expect("it listens");
            connection.write_all(head.as_bytes()).await.expect("it is open");
            let mut answer = Vec::new();
            // Paused time goes on by itself when nobody has anything to do.
            let _ = connection.read_to_end(&mut answer).await;
            assert!(begun.elapsed() >= HEAD, "{:?}", begun.elapsed());
        }
    }

    #[tokio::test]
    async fn http2_is_known_by_its_preface_however_it_arrives() {
        let (address, _stop, _) = start().await;
        let mut connection = TcpStream::connect(address).await.expect("it listens");
        connection.set_nodelay(true).expect("an option that there is");
        for byte in PREFACE {
            connection.write_all(&[*byte]).await.expect("it is open");
            tokio::task::yield_now().await;
        }
        // RFC 9113 §3.4: the server's own preface is a frame of settings (§4.1: three bytes of length, then the type).
        let mut frame = [0; 9];
        connection.read_exact(&mut frame).await.expect("an answer");
        assert_eq!(frame[3], 4, "{frame:?}");
    }

    #[tokio::test]
    async fn idle_connections_do_not_hold_a_server_that_stops() {
        let (address, stop, serving) = start().await;
        let (_untouched, mut begun) = (
            TcpStream::connect(address).await.expect("it listens"),
            TcpStream::connect(address).await.expect("it listens"),
        );
        begun.write_all(b"PRI * ").await.expect("it is open");
        let mut idle = TcpStream::connect(address).await.expect("it listens");
        idle.write_all(b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is open");
        let mut answer = [0; 15];
        idle.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let asked = std::time::Instant::now();
        stop.send(()).expect("it waits");
        serving.await.expect("no panic").expect("no error");
        assert!(asked.elapsed() < DRAIN / 2, "it did not wait for any of them");
        assert!(TcpStream::connect(address).await.is_err(), "it listens no more");
    }
}
