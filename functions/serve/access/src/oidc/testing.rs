//! What the tests sign with, and where they serve keys.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::OidcConfig;

/// A key of an issuer, which signs by AWS-LC itself.
pub(super) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("random"))
    }

    pub(super) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).expect("random"))
    }

    pub(super) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("random"))
    }

    /// The public key as a member of a JWK set.
    pub(super) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) =
                    (encoded(n.big_endian_without_leading_zero()), encoded(e.big_endian_without_leading_zero()));
                json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": n, "e": e})
            }
            Self::P256(pair) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": encoded(x), "y": encoded(y)})
            }
            Self::Ed25519(pair) => {
                let x = encoded(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "alg": "EdDSA", "x": x})
            }
        }
    }

    /// Its public key's bytes, which are known to everybody.
    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::P256(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |message| match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

/// A token that `sign` signs.
pub(super) fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let signature = encoded(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// RSA keys take long to make.
pub(super) static RSA: LazyLock<Signer> = LazyLock::new(Signer::rsa);

/// The configuration of `https://issuer.test` and the audience `amaas`, with these variables on top.
pub(super) fn variables(more: &[(&str, &str)]) -> OidcConfig {
    let usual = [
        ("AMAAS_OIDC_ISSUER", "https://issuer.test"),
        ("AMAAS_OIDC_AUDIENCE", "amaas"),
        ("AMAAS_OIDC_TENANT_CLAIM", "org"),
    ];
    let find =
        |name: &str| usual.iter().chain(more).rfind(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
    OidcConfig::from_variables(find).expect("right").expect("an issuer")
}

/// The same, with the tenant in `claim`.
pub(super) fn config(claim: &str) -> OidcConfig {
    variables(&[("AMAAS_OIDC_TENANT_CLAIM", claim)])
}

/// An HTTP server on this machine. It ends when this is dropped.
pub(super) struct Site {
    address: std::net::SocketAddr,
    pages: Arc<Mutex<HashMap<String, String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Site {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let pages = Arc::new(Mutex::new(HashMap::new()));
        let served = Arc::clone(&pages);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &served).await;
            }
        });
        Self { address, pages, serving }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn serve(&self, path: &str, status: u16, body: &str) {
        let head = format!("HTTP/1.1 {status} x\r\nlocation: /jwks\r\nconnection: close\r\ncontent-length: ");
        let answer = format!("{head}{}\r\n\r\n{body}", body.len());
        self.pages.lock().expect("not poisoned").insert(path.to_owned(), answer);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request, one answer.
async fn answer(mut stream: TcpStream, pages: &Mutex<HashMap<String, String>>) {
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = pages.lock().expect("not poisoned").get(path).cloned();
    // The client may have closed the connection.
    let _ = stream.write_all(page.unwrap_or_default().as_bytes()).await;
}
