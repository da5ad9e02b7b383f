//! An object store with S3's protocol, in this process, over a local folder. `amaas dev` publishes into it, so that models load on a
//! laptop as they do from a bucket.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use amaas_store::{S3Endpoint, S3Options};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running store. It ends when this is dropped.
pub struct ObjectStore {
    endpoint: S3Endpoint,
    serving: JoinHandle<()>,
}

impl ObjectStore {
    /// Serves the folder `root` on a free port of 127.0.0.1, with the bucket [`BUCKET`] and a new pair of credentials.
    ///
    /// # Errors
    /// The folder cannot be made, or no port is free.
    pub async fn start(root: &Path) -> Result<Self, ObjectStoreError> {
        let failed = |what: &dyn fmt::Display| ObjectStoreError(what.to_string());
        std::fs::create_dir_all(root.join(BUCKET)).map_err(|error| failed(&error))?;
        let files = FileSystem::new(root).map_err(|error| failed(&format!("{error:?}")))?;
        let (access_key_id, secret_access_key) = (random()?, random()?);
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(access_key_id.clone(), secret_access_key.clone()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let endpoint = S3Endpoint { url: format!("http://{address}"), access_key_id, secret_access_key };
        Ok(Self { endpoint, serving: tokio::spawn(serve(listener, service.build())) })
    }

    /// Its URL and credentials.
    pub fn endpoint(&self) -> &S3Endpoint {
        &self.endpoint
    }

    /// The model store's options for it.
    pub fn options(&self) -> S3Options {
        S3Options { endpoint: Some(self.endpoint.clone()) }
    }

    /// The address alone.
    ///
    /// # Panics
    /// Never: the URL was made from an address.
    pub fn address(&self) -> SocketAddr {
        let address = self.endpoint.url.trim_start_matches("http://");
        address.parse().expect("the URL is \"http://\" and a socket address")
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Why the store could not be started.
#[derive(Debug)]
pub struct ObjectStoreError(String);

impl fmt::Display for ObjectStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the object store could not be started: {}", self.0)
    }
}

impl std::error::Error for ObjectStoreError {}

async fn serve(listener: TcpListener, service: S3Service) {
    // Connections end with this task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                let service = service.clone();
                connections.spawn(async move {
                    let _ = connection.set_nodelay(true);
                    let _ =
                        Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(connection), service).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the object store could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

fn random() -> Result<String, ObjectStoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ObjectStoreError(error.to_string()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The one bucket of the store.
pub const BUCKET: &str = "amaas";
