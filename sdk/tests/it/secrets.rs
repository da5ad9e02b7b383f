//! Neither credentials nor payload get into a text.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use amaas::sigv4::Credentials;
use amaas::testing::{ScriptedReply, TestServer};
use amaas::{
    Authorization, AuthorizationFuture, CachedCredentials, CallOptions, Client, CredentialProvider, Error, Sealing,
    SigV4,
};
use amaas_env::EnvVariables;

use crate::Result;

struct Fixed(String);

impl CredentialProvider for Fixed {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        Box::pin(async { Ok(Authorization::bearer(&self.0)?) })
    }
}

/// Every text of an error and of its sources.
fn texts(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {:?} {:?}", error.detail(), error.problem());
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, " {error} {error:?}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn no_type_shows_the_key() -> Result {
    let server = TestServer::start().await?;
    let key = server.api_key().clone();
    let client = server.client()?;
    server.predict("m", [1]).infer("m", Vec::new());
    let answer = client.model("m").predict::<u8>("x").await?;
    let inferred = client.model("m").infer(Vec::new()).await?;

    let mut text =
        format!("{key:?} {:?} {:?}", Authorization::from(&key), CachedCredentials::new(Fixed(key.expose().to_owned())));
    let _ = write!(text, "{client:?} {:?} {:?}", server.client_builder(), Client::builder().bearer(key.expose()));
    let _ = write!(text, "{:?} {answer:?} {inferred:?} {:?}", client.model("m"), CallOptions::default());
    let _ = write!(text, "{server:?} {:?} {:?}", server.requests(), ScriptedReply::hang());
    for builder in [server.client_builder().sealing(Sealing::Off), server.client_builder().signers([server.signer()])] {
        let _ = write!(text, "{builder:?}");
        server.predict("m", [1]);
        let client = builder.build()?;
        client.model("m").predict::<u8>("x").await?;
        let _ = write!(text, "{client:?}");
    }
    let _ = write!(text, "{server:?} {:?} {:?}", server.requests(), server.key_requests());
    let _ = write!(text, "{:?}", EnvVariables::from_iter([("AMAAS_API_KEY", key.expose())]));

    // Whole, and without its public prefix.
    assert!(!text.contains(&key.expose()["amaas_test_".len()..]), "{text}");
    Ok(())
}

#[tokio::test]
async fn no_error_shows_the_key_or_the_payload() -> Result {
    let server = TestServer::start().await?;
    let key = server.api_key().expose();
    let model = server.client()?.model("m");
    server.problem(401, "unknown-key", &format!("unknown key {key}"));
    server.json(400, &serde_json::json!({"error": format!("bad header Bearer {key}")}));
    server.raw(200, &[], format!("{key} PAYLOAD"));
    server.raw(500, &[], format!("<pre>{key} PAYLOAD</pre>"));
    server.reset().reset().reset();
    server.raw(200, &[], format!("{key} PAYLOAD")).unsealed();
    let sealed = [("content-type", "message/ohttp-chunked-res")];
    server.raw(200, &sealed, format!("{key} PAYLOAD")).unsealed();
    server.raw(200, &sealed, format!("{key} PAYLOAD")).unsealed();
    server.raw(200, &sealed, format!("{key} PAYLOAD")).unsealed();
    server.json(403, &serde_json::json!({"message": format!("{key} is not known here")})).unsealed();
    for _ in 0..8 {
        let error = model.predict::<u8>("PAYLOAD").await.expect_err("a failure");
        let text = texts(&error);
        assert!(!text.contains(&key["amaas_test_".len()..]) && !text.contains("PAYLOAD"), "{text}");
    }

    let mistyped = format!("{key}x");
    let error = server.client_builder().api_key(mistyped).build().expect_err("a malformed key");
    assert!(!texts(&error).contains(&key["amaas_test_".len()..]));
    let error = EnvVariables::parse(&format!("AMAAS_API_KEY='{key}")).expect_err("no closing quote");
    assert!(!format!("{error} {error:?}").contains(&key["amaas_test_".len()..]));
    Ok(())
}

#[tokio::test]
async fn no_log_line_shows_the_key_or_the_payload() -> Result {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For all threads: where only one has a subscriber, what the others trace first is switched off for it too.
    tracing::subscriber::set_global_default(subscriber)?;
    tracing::callsite::rebuild_interest_cache();

    let server = TestServer::start().await?;
    let key = server.api_key().expose();
    let model = server.client()?.model("m");
    server.problem(503, "busy", &format!("key {key}")).predict("m", ["PAYLOAD"]);
    model.predict::<String>("PAYLOAD").await?;
    let aws = Credentials::new("AKIDEXAMPLE", "AWSSECRET", Some("AWSTOKEN".to_owned()), None, "test");
    let signing = SigV4::new("eu-central-1", "lambda").credentials(aws);
    let signed = server.client_builder().sealing(Sealing::Off).sigv4(signing).build()?;
    server.predict("m", ["PAYLOAD"]);
    signed.model("m").predict::<String>("PAYLOAD").await?;

    let text = String::from_utf8(log.0.lock().expect("no panic").clone())?;
    for part in ["amaas.call", "amaas.attempt", "/v1/models/m/predict", "retrying", "status=503"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What aws_sigv4 traces has the body in it, as numbers.
    for secret in [&key["amaas_test_".len()..], "PAYLOAD", "AWSSECRET", "AWSTOKEN", "aws_sigv4"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    Ok(())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failing_provider_ends_the_call() -> Result {
    let server = TestServer::start().await?;
    let client = server.client_builder().credentials(CachedCredentials::new(Fixed("a b".to_owned()))).build()?;
    let error = client.model("m").predict::<u8>("x").await.expect_err("no token");
    assert_eq!((error.kind(), error.attempts()), (amaas::ErrorKind::Credentials, 1));
    assert!(server.requests().is_empty());
    Ok(())
}
