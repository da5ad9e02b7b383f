//! A TLS server with a self-signed certificate.
//!
//! `data/self-signed.der` and `data/self-signed.key.der`: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
//! -subj '/CN=amaas test, trusted by none' -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -days 36500`, as DER.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// Its URL. It takes connections as long as the test runs, and answers none.
pub(crate) async fn serve() -> Result<String, Box<dyn std::error::Error>> {
    let certificate = CertificateDer::from(include_bytes!("data/self-signed.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("data/self-signed.key.der").as_slice());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("https://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust it ends the handshake.
            let _ = acceptor.accept(stream).await;
        }
    });
    Ok(url)
}
