//! The HTTP server for containers, GPU hosts and laptops: HTTP/1.1 and HTTP/2 with gRPC, without TLS, on one port.
//!
//! The cost of an unauthenticated peer is bounded. The number of connections stays below the limit of descriptors ([`Connections`]). Heads
//! have a maximum size and a timeout, and writes have a timeout ([`Connection::close_reason`](super::connections::Connection::close_reason)).

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

/// A listening server.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `host` and `port`; port 0 selects a free one.
    ///
    /// # Errors
    /// If the address is in use or does not belong to this machine.
    pub async fn bind(host: &str, port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves HTTP and gRPC until `stop` completes. Then it refuses new calls and completes calls in flight, for 25 s at most.
///
/// A new connection is closed if it sends no complete head within 10 s. A kept-alive one is closed after 75 s without a head, or if an
/// HTTP/2 ping gets no answer. A connection is also closed if its peer reads nothing of a response for `AMAAS_WRITE_TIMEOUT_SECONDS`.
///
/// # Errors
/// None at present: an error of a connection ends only that connection.
pub async fn serve(
    server: Server,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let connections = GracefulShutdown::new();
    let router = router(state.clone());
    #[cfg(feature = "grpc")]
    let router = grpc::with_grpc_services(router, state.clone());
    tokio::select! {
        () = accept_connections(server.listener, &router, &connections, &state) => {}
        () = state.run_accounting() => {}
        () = stop => {}
    }
    // The listener is closed by now, so no connection waits in its backlog.
    state.drain();
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("drain timeout: calls in flight are cancelled");
    }
    state.flush().await;
    Ok(())
}

async fn accept_connections(
    mut listener: TcpListener,
    router: &Router,
    connections: &GracefulShutdown,
    state: &AppState,
) {
    let mut open = Connections::new(descriptors::max_connections(state.limits().connections));
    loop {
        // This waits if the process has no free descriptor.
        let (connection, _) = Listener::accept(&mut listener).await;
        match open.acquire().await {
            Some(permit) => {
                tokio::spawn(serve_connection(
                    permit,
                    connection,
                    router.clone(),
                    connections.watcher(),
                    state.clone(),
                ));
            }
            None => refuse_connection(&connection),
        }
    }
}

/// Refuses a connection above the limit with 503, without waiting for the socket.
fn refuse_connection(connection: &TcpStream) {
    tracing::debug!("connection refused: all other connections carry calls");
    let _ = connection.try_write(LIMIT_REACHED_RESPONSE);
}

/// Answers the calls of one connection.
async fn serve_connection(
    permit: ConnectionPermit,
    mut connection: TcpStream,
    router: Router,
    watcher: Watcher,
    state: AppState,
) {
    let write_timeout = state.limits().write_timeout;
    set_socket_options(&connection, write_timeout);
    let (peer, close) = (permit.connection(), permit.connection().close_reason(write_timeout));
    tokio::pin!(close);
    let begun = tokio::select! {
        begun = read_preface(&mut connection) => begun,
        close = &mut close => return log_close(close),
        // The connection has no request yet.
        () = state.drained() => return,
    };
    let Ok(first) = begun else { return };
    let is_http2 = first == HTTP2_PREFACE;
    if is_http2 {
        peer.record_http();
    }
    let service = service_fn(|request: Request<Incoming>| {
        let exchange = peer.begin_exchange(request.version());
        let answered = router.clone().oneshot(request.map(|body| exchange.wrap_request(body)));
        async move { Ok::<_, Infallible>(exchange.wrap_response(answered.await?)) }
    });
    let connection = TokioIo::new(ConnectionIo::new(first, connection, Arc::clone(peer)));
    let answered = async {
        if is_http2 {
            let mut http = http2::Builder::new(TokioExecutor::new());
            http.timer(TokioTimer::new())
                .keep_alive_interval(KEEP_ALIVE_TIMEOUT)
                .max_concurrent_streams(MAX_STREAMS)
                .max_header_list_size(MAX_HEAD_BYTES)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_frame_size(MAX_FRAME_BYTES);
            watcher.watch(http.serve_connection(connection, service)).await
        } else {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(KEEP_ALIVE_TIMEOUT)
                .max_header_size(MAX_HEAD_BYTES as usize);
            watcher.watch(http.serve_connection(connection, service)).await
        }
    };
    tokio::select! {
        ended = answered => {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection failed");
            }
        }
        close = close => log_close(close),
    }
}

fn log_close(close: CloseReason) {
    match close {
        CloseReason::Silent => tracing::debug!("connection closed: no complete head in time"),
        CloseReason::Stalled => tracing::info!("connection closed: peer reads no response"),
        CloseReason::Full => tracing::debug!("idle connection closed: connection limit reached"),
    }
}

/// Sends responses without delay, limits the unsent bytes in the kernel, and gives up a peer that acknowledges nothing.
fn set_socket_options(connection: &TcpStream, write_timeout: Duration) {
    let _ = connection.set_nodelay(true);
    // Elsewhere the timer of the connection is enough; it sees progress in larger steps.
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(connection);
        let _ = socket.set_tcp_user_timeout(Some(write_timeout));
        let _ = socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
    }
}

/// Reads the first bytes of a connection: the HTTP/2 preface, which a client with prior knowledge sends (RFC 9113 §3.3), or enough bytes
/// to exclude it.
async fn read_preface(connection: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(HTTP2_PREFACE.len());
    while first.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&first) {
        let missing = HTTP2_PREFACE.len() - first.len();
        if connection.take(missing as u64).read_buf(&mut first).await? == 0 {
            break;
        }
    }
    Ok(first)
}

/// The HTTP/2 connection preface of a client (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The most bytes of a head. A larger one is refused with 431 on HTTP/1.
const MAX_HEAD_BYTES: u32 = 64 << 10;
/// The most calls in flight on an HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// The flow-control window of a stream, so that tensors of megabytes do not wait for a round trip every 64 KiB.
const STREAM_WINDOW: u32 = 2 << 20;
/// The flow-control window of a connection, which bounds its memory.
const CONNECTION_WINDOW: u32 = 4 << 20;
const MAX_FRAME_BYTES: u32 = 64 << 10;

/// The most unsent bytes in the kernel. The server sees the progress of a response in steps of about this size.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 128 << 10;
/// How long a kept-alive connection may be without a complete head: longer than the 60 s after which AWS's load balancers close it. If the
/// server closes first, a call can be in transit, and the client gets 502.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(75);
/// The response to a connection above the limit.
const LIMIT_REACHED_RESPONSE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\namaas-not-processed: true\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";
/// How long calls in flight may take when a server stops. ECS allows 30 s from SIGTERM to SIGKILL.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests;
