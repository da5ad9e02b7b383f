//! The HTTP server: containers, GPU hosts, a laptop.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

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
/// 25 s at most.
///
/// # Errors
/// When the listener fails.
pub async fn serve(server: Server, host: Host, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let (stopped, begun) = tokio::sync::oneshot::channel::<()>();
    let draining = host.clone();
    let listener = server.listener.tap_io(|connection| {
        // Answers are small and wanted at once.
        let _ = connection.set_nodelay(true);
    });
    let serving = axum::serve(listener, router(host)).with_graceful_shutdown(async move {
        stop.await;
        draining.drain();
        let _ = stopped.send(());
    });
    let overdue = async move {
        match begun.await {
            Ok(()) => tokio::time::sleep(DRAIN).await,
            // The server ended by itself.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = async { serving.await } => result,
        () = overdue => {
            tracing::warn!("calls were still under way when the time to stop was up");
            Ok(())
        }
    }
}

/// How long calls that are under way may take when a server stops. ECS gives 30 s from SIGTERM to SIGKILL.
pub(super) const DRAIN: Duration = Duration::from_secs(25);
