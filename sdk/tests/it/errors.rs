//! How failures look to a program.

use std::error::Error as _;
use std::time::Duration;

use amaas::ErrorKind::{
    Budget, Certificate, Config, Connect, Forbidden, InvalidInput, NotFound, Protocol, RateLimited,
    Server as ServerFault, TooLarge, Unauthorized, Unavailable,
};
use amaas::testing::TestServer;
use amaas::{Client, ClientBuilder, RetryConfig, Sealing, Suite};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{Result, tls};

#[tokio::test]
async fn statuses_are_kinds_in_both_shapes() -> Result {
    let server = TestServer::start().await?;
    let model = server.client_builder().retry(RetryConfig::off()).build()?.model("m");
    for (status, kind) in [
        (401, Unauthorized),
        (402, Budget),
        (403, Forbidden),
        (404, NotFound),
        (413, TooLarge),
        (422, InvalidInput),
        (429, RateLimited),
        (500, ServerFault),
        (503, Unavailable),
    ] {
        server.problem(status, "some-slug", "what was wrong");
        let error = model.predict::<u8>("x").await.expect_err("a problem");
        assert_eq!((error.kind(), error.status(), error.attempts()), (kind, Some(status), 1));
        assert_eq!(error.problem().map(|problem| problem.kind.as_str()), Some("urn:amaas:problem:some-slug"));
        assert_eq!(error.request_id(), server.requests().last().and_then(|request| request.header("x-request-id")));
        let text = error.to_string();
        assert!(text.ends_with(&format!("({status}) after 1 attempt: what was wrong")), "{text}");

        server.problem(status, "some-slug", "what was wrong");
        let error = model.infer(Vec::new()).await.expect_err("an error of the protocol");
        assert_eq!((error.kind(), error.status(), error.problem()), (kind, Some(status), None));
        assert_eq!(error.detail(), Some("what was wrong"));
    }
    Ok(())
}

#[tokio::test]
async fn a_success_that_is_not_an_answer_is_a_protocol_error() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    for body in ["<html>SECRET</html>", "", "{}", "[]", r#"{"predictions":"SECRET"}"#] {
        server.raw(200, &[("content-type", "text/html"), ("x-request-id", "theirs")], body);
        let error = model.predict::<u8>("x").await.expect_err(body);
        assert_eq!((error.kind(), error.status(), error.attempts()), (Protocol, Some(200), 1));
        assert!(error.to_string().contains("\"text/html\"") && !error.to_string().contains("SECRET"), "{error}");
        server.raw(200, &[], body);
        assert_eq!(model.infer(Vec::new()).await.expect_err(body).kind(), Protocol);
    }
    server.predict("m", [1, 2]);
    let error = model.predict::<u8>("x").await.expect_err("two predictions for one input");
    assert_eq!(error.kind(), Protocol);
    assert!(error.to_string().starts_with("the answer has 2 predictions for 1 inputs"), "{error}");
    Ok(())
}

#[tokio::test]
async fn redirects_are_not_followed() -> Result {
    let (server, elsewhere) = (TestServer::start().await?, TestServer::start().await?);
    for status in [301, 302, 307, 308] {
        server.raw(status, &[("location", &elsewhere.url())], "");
        let error = server.client()?.model("m").predict::<u8>("x").await.expect_err("a redirect");
        assert_eq!((error.kind(), error.status(), error.attempts()), (Protocol, Some(status), 1));
    }
    assert!(elsewhere.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read() -> Result {
    let server = TestServer::start().await?;
    let model = server.client_builder().max_answer_bytes(100).build()?.model("m");
    server.predict("m", ["x".repeat(200)]);
    let error = model.predict::<String>("x").await.expect_err("200 bytes");
    assert_eq!((error.kind(), error.status(), error.attempts()), (TooLarge, Some(200), 1));
    assert_eq!(error.to_string(), "the answer is larger than the client takes, 100 bytes (200) after 1 attempt");
    Ok(())
}

#[tokio::test]
async fn no_connection_says_its_cause() -> Result {
    let server = TestServer::start().await?;
    let no_tls = server.url().replace("http:", "https:");
    let (mute, nobody) = (TcpListener::bind(("127.0.0.1", 0)).await?, TcpListener::bind(("127.0.0.1", 0)).await?);
    let url = |listener: &TcpListener| listener.local_addr().map(|address| format!("https://{address}"));
    let (mute_url, nobody_url) = (url(&mute)?, url(&nobody)?);
    drop(nobody);
    // A label of a name has 63 characters at most, so no resolver is asked.
    let no_name = format!("http://{}.localhost", "x".repeat(64));
    for (endpoint, cause) in [
        (nobody_url, ": tcp connect error: Connection refused (os error "),
        (no_tls, ": received corrupt message of type InvalidContentType"),
        (mute_url, ": operation timed out"),
        (no_name, ": dns error: "),
    ] {
        let builder = server.client_builder().endpoint(&endpoint).connect_timeout(Duration::from_millis(200));
        let error = builder.build()?.model("m").predict::<u8>("x").await.expect_err("no service");
        assert_eq!((error.kind(), error.status(), error.attempts()), (Connect, None, 3), "{error}");
        assert!(error.is_retryable() && error.source().is_some());
        let text = error.to_string();
        assert!(text.starts_with("no connection to the endpoint after 3 attempts: ") && text.contains(cause), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_not_tried_again() -> Result {
    let server = TestServer::start().await?;
    let endpoint = tls::serve().await?;
    for signers in [None, Some(server.signer())] {
        let builder = server.client_builder().endpoint(&endpoint);
        let builder = signers.into_iter().fold(builder, |builder, signer| builder.signers([signer]));
        let error = builder.build()?.model("m").predict::<u8>("x").await.expect_err("not trusted");
        assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (Certificate, 1, false), "{error}");
        let expected =
            "the endpoint's certificate is not trusted after 1 attempt: invalid peer certificate: UnknownIssuer";
        assert_eq!(error.to_string(), expected);
    }
    Ok(())
}

fn local() -> ClientBuilder {
    Client::builder().endpoint("http://127.0.0.1:1").anonymous()
}

#[test]
fn settings_are_checked_when_the_client_is_built() {
    for (builder, expected) in [
        (Client::builder(), "no endpoint"),
        (Client::builder().endpoint("https://h"), "no credentials"),
        (Client::builder().endpoint("https://h").bearer("a b"), "a bearer token"),
        (Client::builder().endpoint("https://h").api_key("amaas_dev_x"), "the API key is malformed"),
        (Client::builder().endpoint("http://models.example.com").anonymous(), "the endpoint is plain http"),
        (Client::builder().endpoint_for("m", "http://10.0.0.1").anonymous(), "the endpoint is plain http"),
        (Client::builder().endpoint_for("a/b", "https://h").anonymous(), "a model name"),
        (Client::builder().endpoint("https://h").anonymous().user_agent("a\nb"), "no HTTP client"),
        (Client::builder().endpoint("https://h").anonymous().sealing(Sealing::Off), "sealing is off, and an endpoint"),
        (Client::builder().endpoint("https://h").anonymous().signers([]), "signers are pinned, and there are none"),
        (local().sealing(Sealing::Off).suite(Suite::X25519), "sealing is off, and signers or a suite"),
        (local().sealing(Sealing::Off).endpoint_for("m", "https://h"), "sealing is off, and an endpoint"),
    ] {
        let error = builder.build().expect_err(expected);
        assert_eq!(error.kind(), Config);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    assert!(local().sealing(Sealing::Off).build().is_ok());
    let allowed = Client::builder().endpoint("https://h").anonymous().sealing(Sealing::Off).danger_allow_plaintext();
    assert!(allowed.build().is_ok());
    let allowed = Client::builder().endpoint("http://models.example.com").anonymous().danger_allow_plaintext();
    assert!(allowed.build().is_ok());
}

#[tokio::test]
async fn readiness_that_nobody_states_is_an_error() -> Result {
    let server = TestServer::start().await?;
    server.json(404, &json!({"error": "no such model"}));
    let error = server.client()?.model("m").ready().await.expect_err("404");
    assert_eq!((error.kind(), error.detail()), (NotFound, Some("no such model")));
    Ok(())
}
