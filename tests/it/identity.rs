//! Other identities than keys, against independent implementations: tokens signed by `PyJWT`, and signatures by botocore.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use amaas::sigv4::Credentials;
use amaas::{Client, RetryConfig, Sealing, SigV4};
use amaas_access::oidc::{OidcConfig, OidcVerifier, TokenError};
use amaas_e2e::{reference, skip};
use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{KeyRing, PrivateKey, Suite};
use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Serves these routes on this machine until the end of the test, and returns the URL.
fn serve(listener: TcpListener, routes: Router) -> String {
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    format!("http://{address}")
}

/// An issuer run by `PyJWT`.
#[derive(Deserialize)]
struct Issuer {
    jwks: Value,
    good: BTreeMap<String, String>,
    bad: BTreeMap<String, String>,
}

#[tokio::test]
async fn tokens_of_another_implementation_are_taken_and_its_bad_ones_are_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let said = reference::output_of("tokens.py", ("pyjwt", "identity/requirements.txt"), &[&url, "amaas"], "").await;
    let issuer: Issuer = match said {
        Ok(said) => serde_json::from_str(&said).expect("an issuer"),
        Err(why) => return skip(&why),
    };
    let document = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
    let keys = issuer.jwks.to_string();
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(async || document))
        .route("/keys", get(async || keys));
    serve(listener, routes);
    let variables = |name: &str| match name {
        "AMAAS_OIDC_ISSUER" => Some(url.clone()),
        "AMAAS_OIDC_AUDIENCE" => Some("amaas".to_owned()),
        "AMAAS_OIDC_TENANT_CLAIM" => Some("/org/name".to_owned()),
        "AMAAS_OIDC_ALGORITHMS" => Some("RS256,RS512,PS256,ES256,ES384,EdDSA".to_owned()),
        _ => None,
    };
    let config = OidcConfig::from_variables(variables).expect("right").expect("an issuer");
    let oidc = OidcVerifier::new(config).expect("a client");

    assert_eq!(issuer.good.len(), 8);
    for (what, token) in &issuer.good {
        let verified = oidc.verify(token).await.expect(what);
        assert_eq!((&*verified.tenant, &*verified.subject), ("acme", "someone"), "{what}");
    }
    let no_tenant = TokenError::NoTenant { claim: "/org/name".to_owned() };
    let expected = BTreeMap::from([
        ("a secret", TokenError::Algorithm),
        ("algorithm none", TokenError::Algorithm),
        ("an unknown key", TokenError::UnknownKey),
        ("another key", TokenError::Signature),
        ("another key's name", TokenError::Algorithm),
        ("audience", TokenError::Audience),
        ("expired", TokenError::Expired),
        ("issuer", TokenError::Issuer),
        ("not begun", TokenError::NotYetValid),
        ("tenant", no_tenant),
    ]);
    let mut refused = BTreeMap::new();
    for (what, token) in &issuer.bad {
        refused.insert(what.as_str(), oidc.verify(token).await.expect_err(what));
    }
    assert_eq!(refused, expected);
}

/// The requests of a server, as the reference takes them.
type Requests = Arc<Mutex<Vec<Value>>>;

/// A server that records requests, offers keys, and refuses everything else.
async fn recording(requests: &Requests) -> String {
    let ring = KeyRing::new(vec![PrivateKey::derive(1, Suite::X25519, &[7; 32])]).expect("one key");
    let list = KeyList::new(ring.public_keys()).expect("one key").encode();
    let requests = Arc::clone(requests);
    let record = async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let headers: BTreeMap<_, _> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
        let url = format!("http://{}{}", headers["host"], parts.uri);
        requests.lock().expect("not poisoned").push(json!({
            "method": parts.method.as_str(), "url": url, "headers": headers, "body": BASE64_STANDARD.encode(&body),
        }));
        if parts.uri.path().ends_with("/keys") { (StatusCode::OK, list) } else { (StatusCode::FORBIDDEN, Vec::new()) }
    };
    serve(TcpListener::bind("127.0.0.1:0").await.expect("a port"), Router::new().fallback(record))
}

#[tokio::test]
async fn another_implementation_signs_requests_as_the_sdk_does() {
    let requests = Requests::default();
    let url = recording(&requests).await;
    let (access_key, secret_key, token) =
        ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/Session+Token==");
    for (base, sealing) in [("", Sealing::Required), ("", Sealing::Off), ("/live%20stage/a~b", Sealing::Off)] {
        let credentials = Credentials::new(access_key, secret_key, Some(token.to_owned()), None, "test");
        let client = Client::builder()
            .endpoint(format!("{url}{base}"))
            .sigv4(SigV4::new("eu-central-1", "lambda").credentials(credentials))
            .sealing(sealing)
            .retry(RetryConfig::off())
            .build()
            .expect("right");
        let model = client.model("m").version("3");
        let refused = model.predict::<Value>("what a lovely day").await.expect_err("refused");
        assert_eq!(refused.status(), Some(403));
        client.models().await.expect_err("refused");
    }
    let requests = std::mem::take(&mut *requests.lock().expect("not poisoned"));
    let sealed = requests.iter().filter(|request| request["headers"]["content-type"] == "message/ohttp-chunked-req");
    assert_eq!((requests.len(), sealed.count()), (8, 2), "two lists of keys, and two calls of each client");
    let told = json!({
        "access_key": access_key, "secret_key": secret_key, "token": token,
        "region": "eu-central-1", "service": "lambda", "requests": requests,
    });
    let moto = ("moto", "../infra/tests/requirements.txt");
    match reference::output_of("signature.py", moto, &[], &told.to_string()).await {
        Ok(said) => assert_eq!(said.trim(), "8 requests"),
        Err(why) => skip(&why),
    }
}
