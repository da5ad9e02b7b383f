//! An identity provider on this machine: its discovery document, its keys, and tokens.

use amaas_access::now;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use amaas_e2e::ProcessBuilder;

/// An issuer. It ends when this is dropped.
pub(super) struct Issuer {
    url: String,
    key: Ed25519KeyPair,
    serving: JoinHandle<()>,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let key = Ed25519KeyPair::generate().expect("random");
        let document = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string();
        let public = encoded(key.public_key().as_ref());
        let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": public }] }).to_string();
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(async || document))
            .route("/keys", get(async || keys));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { url, key, serving }
    }

    /// `launch`, which accepts this issuer's tokens for `amaas`, with the tenant in the claim `org`.
    pub(super) fn trusted_by(&self, launch: ProcessBuilder) -> ProcessBuilder {
        launch
            .set("AMAAS_OIDC_ISSUER", &self.url)
            .set("AMAAS_OIDC_AUDIENCE", "amaas")
            .set("AMAAS_OIDC_TENANT_CLAIM", "org")
    }

    /// A token for a user of `tenant`.
    pub(super) fn token(&self, tenant: &str) -> String {
        self.token_with(&json!({ "org": tenant }))
    }

    /// A token with changed claims.
    pub(super) fn token_with(&self, changes: &Value) -> String {
        self.signed(&json!({ "alg": "EdDSA", "typ": "JWT", "kid": "1" }), changes)
    }

    /// A token with this header, always signed with the issuer's key.
    pub(super) fn signed(&self, header: &Value, changes: &Value) -> String {
        let mut claims =
            json!({ "iss": self.url, "aud": "amaas", "sub": "someone", "exp": now() + 600, "org": "acme" });
        for (claim, value) in changes.as_object().expect("an object") {
            claims[claim] = value.clone();
        }
        let message = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", encoded(signature.as_ref()))
    }

    /// Takes the issuer off the network; its tokens stay valid.
    pub(super) async fn goes(&mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.is_err_and(|error| error.is_cancelled()), "it served until now");
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
