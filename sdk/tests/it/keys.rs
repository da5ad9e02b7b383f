//! Which keys calls are sealed to.

use std::time::{Duration, SystemTime};

use amaas::testing::{KeyOffer, RecordedRequest, TestServer};
use amaas::{ErrorKind, Model, VerifyingKey};
use serde_json::json;

use crate::Result;

const KEY_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";
const DATE_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#date";

async fn call(model: &Model) -> std::result::Result<u8, amaas::Error> {
    Ok(model.predict::<u8>("x").await?.into_prediction())
}

fn paths(requests: &[RecordedRequest]) -> Vec<&str> {
    requests.iter().map(RecordedRequest::path).collect()
}

#[tokio::test]
async fn pinned_keys_are_taken_from_their_signer_for_model_and_service() -> Result {
    let (server, other) = (TestServer::start().await?, TestServer::start().await?);
    let client = server.client_builder().signers([other.signer(), server.signer()]).build()?;
    server.predict("m", [1]).predict("m", [2]).json(200, &json!({"object": "list", "data": []}));
    assert_eq!(call(&client.model("m")).await?, 1);
    assert_eq!(call(&client.model("m").version("1")).await?, 2);
    client.models().await?;

    let requests = server.key_requests();
    let mut paths = paths(&requests);
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths, ["/v1/keys", "/v1/keys/manifest", "/v1/models/m/keys", "/v1/models/m/keys/manifest"]);
    assert!(requests.iter().all(|request| request.header("authorization").is_none()));
    Ok(())
}

#[tokio::test]
async fn keys_that_are_not_what_was_pinned_are_refused_by_name() -> Result {
    let other = TestServer::start().await?.signer();
    let wrong = |signer: Option<VerifyingKey>, version: &'static str, change: fn(&mut KeyOffer), text: &'static str| {
        (signer, version, change, text)
    };
    for (signer, version, change, text) in [
        wrong(Some(other), "1", |_| {}, "no signature is by a known signer"),
        wrong(None, "1", |offer| offer.signed = false, "signers are pinned, and the service has no manifest"),
        wrong(None, "1", |offer| offer.valid = 0..=1000, "their manifest has expired by this machine's clock (20"),
        wrong(
            None,
            "1",
            |offer| offer.valid = *offer.valid.end()..=u64::MAX,
            "is not valid yet by this machine's clock (24 h): is",
        ),
    ] {
        let server = TestServer::start().await?;
        let client = server.client_builder().signers([signer.unwrap_or(server.signer())]).build()?;
        server.offer(change).predict("m", [1]);
        let error = call(&client.model("m").version(version)).await.expect_err(text);
        assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Keys, 1, false), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(server.requests().is_empty(), "nothing of the call was sent");
        // Without pins the client does not check, and still seals the call.
        assert_eq!(call(&server.client()?.model("m")).await?, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_lower_serial_is_refused() -> Result {
    let server = TestServer::start().await?;
    let model = server.client_builder().signers([server.signer()]).build()?.model("m");
    server.offer(|offer| offer.serial = 7).predict("m", [1]);
    call(&model).await?;
    server.rotate_keys().offer(|offer| offer.serial = 6).predict("m", [2]);
    let error = call(&model).await.expect_err("6 is below 7");
    assert_eq!(error.kind(), ErrorKind::Keys);
    assert!(error.to_string().contains("the manifest has the serial 6, and 7 is the least"), "{error}");
    server.offer(|offer| offer.serial = 8);
    assert_eq!(call(&model).await?, 2);
    Ok(())
}

#[tokio::test]
async fn keys_that_changed_are_fetched_again_once() -> Result {
    for pinned in [false, true] {
        let server = TestServer::start().await?;
        let builder = server.client_builder();
        let builder = if pinned { builder.signers([server.signer()]) } else { builder };
        let model = builder.retry(amaas::RetryConfig::off()).build()?.model("m");
        server.predict("m", [1]).predict("m", [2]);
        call(&model).await?;
        let fetched = server.key_requests().len();
        server.rotate_keys();
        let answer = model.predict::<u8>("x").await?;
        assert_eq!((answer.into_prediction(), server.key_requests().len()), (2, 2 * fetched));

        let problem = json!({"type": KEY_PROBLEM, "title": "no such key"});
        server.json(422, &problem).unsealed().json(422, &problem).unsealed().predict("m", [3]);
        let error = call(&model).await.expect_err("refused twice");
        assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Keys, Some(422), 2));
        assert_eq!(server.remaining(), 1);
        assert_eq!(call(&model).await?, 3);
    }
    Ok(())
}

#[tokio::test]
async fn a_clock_is_set_once_by_what_the_function_says_inside() -> Result {
    let server = TestServer::start().await?;
    let model = server.client_builder().retry(amaas::RetryConfig::off()).build()?.model("m");
    let problem = json!({"type": DATE_PROBLEM}).to_string();
    // RFC 9110 §5.6.7, 784111777 seconds after 1970.
    let far = "Sun, 06 Nov 1994 08:49:37 GMT";
    server.raw(400, &[("date", far)], problem.clone()).predict("m", [1]).predict("m", [2]);
    assert_eq!(model.predict::<u8>("x").await?.attempts(), 2);
    call(&model).await?;
    let requests = server.requests();
    let dates: Vec<_> = requests.iter().filter_map(|request| request.header("date")).collect();
    assert_eq!(dates.len(), 3);
    assert!(!dates[0].contains("1994"), "{dates:?}");
    assert!(dates[1..].iter().all(|date| date.starts_with("Sun, 06 Nov 1994 08:")), "{dates:?}");

    for headers in [&[("date", far)][..], &[]] {
        server.raw(400, headers, problem.clone()).raw(400, headers, problem.clone());
        let error = call(&model).await.expect_err("refused twice, or without a date");
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Some(400)));
        assert_eq!(error.attempts(), if headers.is_empty() { 1 } else { 2 });
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_first_calls_share_one_fetch() -> Result {
    let server = TestServer::start().await?;
    let client = server.client_builder().signers([server.signer()]).build()?;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        server.predict("m", [1]);
        let model = client.model("m");
        calls.spawn(async move { call(&model).await });
    }
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer??, 1);
    }
    assert_eq!(server.key_requests().len(), 2, "a list and its manifest");
    Ok(())
}

#[tokio::test]
async fn keys_are_fetched_in_the_background_before_they_expire_and_again_after() -> Result {
    let server = TestServer::start().await?;
    let model = server.client_builder().signers([server.signer()]).build()?.model("m");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    server.offer(|offer| offer.valid = 0..=now + 4);
    for _ in 0..3 {
        server.predict("m", [1]);
    }
    call(&model).await?;
    assert_eq!(server.key_requests().len(), 2);
    server.offer(|offer| offer.valid = 0..=now + 3600);
    tokio::time::sleep(Duration::from_millis(3300)).await;
    call(&model).await?;
    for _ in 0..100 {
        if server.key_requests().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(server.key_requests().len(), 4, "fetched beside the call");
    server.offer(|offer| offer.signed = false);
    call(&model).await?;
    assert_eq!(server.key_requests().len(), 4);
    Ok(())
}

/// Nothing is sent to a model or a version that there is not, and it is no matter of trust.
#[tokio::test]
async fn a_mistyped_model_or_version_is_not_found_every_time() -> Result {
    let server = TestServer::start().await?;
    server.offer(|offer| offer.models = Some(vec!["m".to_owned()]));
    let version = "no such version of the model: asked for \"99\", and the service has \"1\" after 1 attempt";
    let (pinned, plain) = (server.client_builder().signers([server.signer()]), server.client_builder());
    let (pinned, plain) = (pinned.build()?, plain.build()?);
    for (client, name, asked, text) in [
        (&pinned, "n", None, "(404) after 1 attempt, said outside the seal: there is no such model"),
        (&pinned, "n", Some("99"), "(404) after 1 attempt, said outside the seal: there is no such model"),
        (&pinned, "m", Some("99"), version),
        (&plain, "n", None, "(404) after 1 attempt, said outside the seal: there is no such model"),
    ] {
        let model = asked.map_or(client.model(name), |version| client.model(name).version(version));
        for turn in 0..50 {
            let error = call(&model).await.expect_err("no such model");
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotFound, 1), "{turn}: {error}");
            assert!(error.to_string().ends_with(text), "{turn}: {error}");
        }
    }
    assert!(server.requests().is_empty(), "nothing of a call was sent");
    // A manifest that is hidden is a matter of trust, whatever the version.
    server.offer(|offer| offer.signed = false);
    for version in ["1", "99"] {
        let error = call(&pinned.model("m").version(version)).await.expect_err("no manifest");
        assert_eq!(error.kind(), ErrorKind::Keys, "{error}");
    }
    Ok(())
}

/// A server that answers every request with `answer`, and closes the connection.
async fn always(answer: &'static str) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok(url)
}

#[tokio::test]
async fn what_gives_no_keys_is_told_apart() -> Result {
    const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    const BAD: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const UNSEALED: &str = concat!(
        "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\ncontent-length: 39\r\nconnection: close\r\n\r\n",
        r#"{"type":"urn:amaas:problem:no-sealing"}"#
    );
    const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const NONE: &str = "";
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf";
    let server = TestServer::start().await?;
    for (answer, path, kind, attempts, text) in [
        (NOT_FOUND, "", ErrorKind::Keys, 1, "this is no amaas endpoint: it has no keys to seal calls to (404)"),
        (NOT_FOUND, "/v1", ErrorKind::Keys, 1, "the endpoint ends with /v1, which is part of the routes: remove it"),
        (NOT_FOUND, "/base/v2/", ErrorKind::Keys, 1, "the endpoint ends with /v2, which is part of the routes"),
        (PAGE, "", ErrorKind::Keys, 1, "the list of keys is malformed; is this an amaas endpoint?"),
        (BAD, "", ErrorKind::Keys, 1, "the service has no keys to seal calls to (500)"),
        (UNSEALED, "", ErrorKind::Keys, 1, "the service has no keys to seal calls to (404)"),
        (BUSY, "", ErrorKind::Unavailable, 3, "the service is not available (503)"),
        // Nothing of the call was sent, so the service has not done its work.
        (NONE, "", ErrorKind::Connect, 3, "lost while keys were fetched, before anything of the call was sent"),
        (HALF, "", ErrorKind::Connect, 3, "lost while keys were fetched, before anything of the call was sent"),
    ] {
        let client = server.client_builder().endpoint(always(answer).await? + path).build()?;
        let error = call(&client.model("m")).await.expect_err("no keys");
        assert_eq!((error.kind(), error.attempts()), (kind, attempts), "{answer}{path}: {error}");
        assert!(error.to_string().contains(text), "{answer}{path}: {error}");
        assert_eq!(error.is_retryable(), attempts > 1, "{error}");
    }
    Ok(())
}
