//! Bodies above the size limit.

use amaas::task::TextClassification;
use amaas::{ApiKey, ErrorKind, Sealing};
use amaas_e2e::wait::within;
use futures_util::stream;
use reqwest::{Body, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CANARY, INFER, PREDICT, Refusal, Target};

const LIMIT: usize = 65_536;

async fn limited() -> Target {
    Target::with(|launch| launch.set("AMAAS_MAX_BODY_BYTES", LIMIT.to_string())).await
}

/// Sends `head` and `body` unchanged, and reads the answer to the end of its body.
async fn raw(target: &Target, head: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(&target.endpoint["http://".len()..]).await.expect("it listens");
    let key = target.env.key().expose();
    let request = format!("POST {PREDICT} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n{head}\r\n{body}");
    connection.write_all(request.as_bytes()).await.expect("the connection is open");
    let mut answer = Vec::new();
    within("an answer before the body", async {
        while !answer.ends_with(b"}") {
            assert_ne!(connection.read_buf(&mut answer).await.expect("the connection is open"), 0, "{answer:?}");
        }
    })
    .await;
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_body() {
    let target = limited().await;
    for head in [
        "content-length: 1000000\r\n",
        // A client that sends `Expect: 100-continue` is refused, and gets no 100.
        "content-length: 1000000\r\nexpect: 100-continue\r\n",
    ] {
        let answer = raw(&target, head, "").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("larger than the limit of 65536 bytes: got 1000000"), "{answer}");
        assert!(answer.contains("urn:amaas:problem:body-too-large"), "{answer}");
    }
    target.still_serves().await;
}

#[tokio::test]
async fn a_body_that_grows_over_the_limit_is_refused() {
    let target = limited().await;
    // One chunk that is one byte too large, and no end.
    let chunk = format!("{:x}\r\n{}\r\n", LIMIT + 1, "x".repeat(LIMIT + 1));
    let answer = raw(&target, "transfer-encoding: chunked\r\n", &chunk).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("larger than the limit of 65536 bytes"), "{answer}");

    for path in [PREDICT, INFER] {
        let pieces = std::iter::repeat_with(|| Ok::<_, std::io::Error>(CANARY.repeat(1000))).take(20);
        let request = target.request(Method::POST, path).body(Body::wrap_stream(stream::iter(pieces)));
        let slug = if path == PREDICT { "body-too-large" } else { "" };
        Refusal::of(request.send().await.expect("an answer")).await.assert(path, 413, slug, "limit of 65536 bytes");
    }
    target.still_serves().await;
}

#[tokio::test]
async fn a_body_of_the_limit_is_read() {
    let target = limited().await;
    let around = r#"{"inputs":[""]}"#.len();
    let body = |bytes: usize| format!("{{\"inputs\":[\"{}\"]}}", "x".repeat(bytes - around));
    let answer = target.request(Method::POST, PREDICT).body(body(LIMIT)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    target.post(PREDICT, body(LIMIT + 1)).await.assert("one more", 413, "body-too-large", "got 65537");
}

/// A client that is refused while it still sends must get the error, not a lost connection.
#[tokio::test]
async fn the_sdk_hears_a_refusal_while_it_sends() {
    let target = limited().await;
    let unknown = ApiKey::generate("test").expect("the system gives randomness");
    let text = "wonderful ".repeat(1_000_000);
    for (model, key, kind, status) in [
        ("sentiment", target.env.key(), ErrorKind::TooLarge, 413),
        ("sentiment", &unknown, ErrorKind::Unauthorized, 401),
        ("other", target.env.key(), ErrorKind::NotFound, 404),
    ] {
        // A sealed call is measured before its content is read.
        let client = target.env.client_builder(&target.endpoint).api_key(key).sealing(Sealing::Off);
        let client = client.build().expect("enough is set");
        for _ in 0..5 {
            let error = client.model(model).predict::<TextClassification>(&text).await.expect_err("ten megabytes");
            assert_eq!((error.kind(), error.status(), error.attempts()), (kind, Some(status), 1), "{error:?}");
        }
    }
}
