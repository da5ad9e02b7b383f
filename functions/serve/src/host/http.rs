//! The HTTP server: containers, GPU hosts, a laptop. HTTP/1.1 and HTTP/2 without TLS on one port, gRPC among the latter.
//!
//! What a peer costs before it is known is bounded: connections are counted below the limit of descriptors ([`Connections`]), heads
//! have a size and a time, and so has what leaves ([`Connection::cut`](super::connections::Connection::cut)).

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::connections::{CloseReason, ConnectionPermit, Connections};
use super::descriptors;
use super::transport::ConnectionIo;
#[cfg(feature = "grpc")]
use crate::grpc;
use crate::router::router;
use crate::state::AppState;

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
/// 25 s at most.
///
/// A new connection that sends no whole head for 10 s is cut, and one that is kept if none comes for 75 s, or a ping of HTTP/2 has no
/// answer. So is one whose peer takes nothing of an answer for `AMAAS_WRITE_TIMEOUT_SECONDS`.
///
/// # Errors
/// None at present: an error of one connection ends that connection.
pub async fn serve(
    server: Server,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let connections = GracefulShutdown::new();
    let router = router(state.clone());
    #[cfg(feature = "grpc")]
    let router = grpc::beside(router, state.clone());
    tokio::select! {
        () = accept(server.listener, &router, &connections, &state) => {}
        () = state.run_accounting() => {}
        () = stop => {}
    }
    // The listener is closed by now, so no connection waits in its backlog.
    state.drain();
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!("calls in flight when the time to drain was over");
    }
    state.flush().await;
    Ok(())
}

async fn accept(mut listener: TcpListener, router: &Router, connections: &GracefulShutdown, state: &AppState) {
    let mut places = Connections::new(descriptors::for_connections(state.limits().connections));
    loop {
        // Waits if there are no more descriptors.
        let (connection, _) = Listener::accept(&mut listener).await;
        match places.place().await {
            Some(place) => {
                tokio::spawn(answer(place, connection, router.clone(), connections.watcher(), state.clone()));
            }
            None => refuse(&connection),
        }
    }
}

/// Refuses a connection above the limit with 503, without waiting for the socket.
fn refuse(connection: &TcpStream) {
    tracing::debug!("connection refused: all others carry calls");
    let _ = connection.try_write(FULL);
}

/// Answers the calls of one connection.
async fn answer(place: ConnectionPermit, mut connection: TcpStream, router: Router, watcher: Watcher, state: AppState) {
    let patience = state.limits().write_timeout;
    tune(&connection, patience);
    let (peer, cut) = (place.connection(), place.connection().cut(patience));
    tokio::pin!(cut);
    let begun = tokio::select! {
        begun = begins(&mut connection) => begun,
        cut = &mut cut => return tell(cut),
        // It carried no request.
        () = state.drained() => return,
    };
    let Ok(first) = begun else { return };
    let is_http2 = first == PREFACE;
    if is_http2 {
        peer.greeted();
    }
    let service = service_fn(|request: Request<Incoming>| {
        let exchange = peer.exchange(request.version());
        let answered = router.clone().oneshot(request.map(|body| exchange.receiving(body)));
        async move { Ok::<_, Infallible>(exchange.sending(answered.await?)) }
    });
    let connection = TokioIo::new(ConnectionIo::new(first, connection, Arc::clone(peer)));
    let answered = async {
        if is_http2 {
            let mut http = http2::Builder::new(TokioExecutor::new());
            http.timer(TokioTimer::new())
                .keep_alive_interval(IDLE)
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(HEAD)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_frame_size(FRAME);
            watcher.watch(http.serve_connection(connection, service)).await
        } else {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(IDLE).max_header_size(HEAD as usize);
            watcher.watch(http.serve_connection(connection, service)).await
        }
    };
    tokio::select! {
        ended = answered => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke off");
            }
        }
        cut = cut => tell(cut),
    }
}

fn tell(cut: CloseReason) {
    match cut {
        CloseReason::Silent => tracing::debug!("a connection was closed: no whole head came in time"),
        CloseReason::Stalled => tracing::info!("a connection was closed: nothing of an answer was taken in time"),
        CloseReason::Full => tracing::debug!("a connection that waited was closed to make room for another"),
    }
}

/// Has answers leave at once, and the kernel hold little of what a peer does not take, and give up a peer that takes nothing.
fn tune(connection: &TcpStream, patience: Duration) {
    let _ = connection.set_nodelay(true);
    // Where there is no such option the timer of the connection is enough: it sees progress in larger steps.
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(connection);
        let _ = socket.set_tcp_user_timeout(Some(patience));
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
    }
}

/// The first bytes of a connection: the preface of HTTP/2, which those send who know that it is spoken (RFC 9113 §3.3), or as many as
/// tell that it is not that.
async fn begins(connection: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(PREFACE.len());
    while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
        let missing = PREFACE.len() - first.len();
        if connection.take(missing as u64).read_buf(&mut first).await? == 0 {
            break;
        }
    }
    Ok(first)
}

/// RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The most bytes of a head. HTTP/1 answers a larger one with 431.
const HEAD: u32 = 64 << 10;
/// How many calls a connection of HTTP/2 has under way.
const STREAMS: u32 = 128;
/// How much of a message comes without a word from here: tensors of megabytes are not to wait for a round trip every 64 KiB.
const STREAM_WINDOW: u32 = 2 << 20;
/// The same for all streams of a connection, which bounds the memory that one takes.
const CONNECTION_WINDOW: u32 = 4 << 20;
const FRAME: u32 = 64 << 10;

/// What the kernel holds of an answer beyond what is on its way: progress is seen in steps of about this.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 << 10;
/// How long a connection that is kept may go without a whole head: longer than the 60 s for which a load balancer of AWS keeps one.
/// Where the server is the first to close, a call can be on its way to it, and the caller gets 502.
const IDLE: Duration = Duration::from_secs(75);
/// What a peer is told for which there is no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\namaas-not-processed: true\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";
/// How long calls that are under way may take when a server stops. ECS gives 30 s from SIGTERM to SIGKILL.
pub(super) const DRAIN: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests;
