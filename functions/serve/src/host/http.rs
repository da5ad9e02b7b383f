//! The HTTP server: containers, GPU hosts, a laptop.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

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

/// Serves `host` on `server` until `stop` is done; then refuses new calls and answers those under way, for
/// 25 s at most. A connection that sends no whole head for 75 s is cut.
///
/// # Errors
/// None at present: an error of one connection ends that connection.
pub async fn serve(server: Server, host: Host, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let connections = GracefulShutdown::new();
    let router = router(host.clone());
    tokio::select! {
        () = accept(server.listener, &router, &connections) => {}
        () = stop => {}
    }
    // The listener is closed by now, so nobody is left waiting in its backlog.
    host.drain();
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!("calls were still under way when the time to stop was up");
    }
    Ok(())
}

async fn accept(mut listener: TcpListener, router: &Router, connections: &GracefulShutdown) {
    loop {
        // Waits where there are no more descriptors, and goes on.
        let (connection, _) = Listener::accept(&mut listener).await;
        tokio::spawn(answer(connection, router.clone(), connections.watcher()));
    }
}

/// Answers the calls of one connection.
async fn answer(connection: TcpStream, router: Router, watcher: Watcher) {
    // Answers are small and wanted at once.
    let _ = connection.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let calls = http.serve_connection(TokioIo::new(connection), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(calls).await {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// How long a connection may go without a whole head. The same clock runs while a connection that is kept alive is idle,
/// so it is longer than the 60 s for which a load balancer of AWS keeps one: where the server is the first to close, a
/// call can be on its way to it, and the caller gets 502.
const HEAD: Duration = Duration::from_secs(75);
/// How long calls that are under way may take when a server stops. ECS gives 30 s from SIGTERM to SIGKILL.
pub(super) const DRAIN: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::access::KeyDocument;
    use crate::config::Limits;
    use crate::store::Store;

    /// A server without models, and what stops it.
    async fn start() -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
        let folder = tempfile::tempdir().expect("a folder");
        let host = Host::new(Arc::new(KeyDocument::new(Store::folder(folder.path()))), Limits::default());
        let server = Server::bind("127.0.0.1", 0).await.expect("a free port");
        let (address, (stop, stopped)) = (server.address(), oneshot::channel());
        let serving = tokio::spawn(serve(server, host, async { stopped.await.unwrap_or_default() }));
        (address, stop, serving)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_whole_head_is_cut() {
        let (address, _stop, _) = start().await;
        for head in ["", "GET /v2 HTTP/1.1\r\nhost:"] {
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
    async fn idle_connections_do_not_hold_a_server_that_stops() {
        let (address, stop, serving) = start().await;
        let mut idle = TcpStream::connect(address).await.expect("it listens");
        idle.write_all(b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is open");
        let mut answer = [0; 15];
        idle.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        stop.send(()).expect("it waits");
        serving.await.expect("no panic").expect("no error");
        assert!(TcpStream::connect(address).await.is_err(), "it listens no more");
    }
}
