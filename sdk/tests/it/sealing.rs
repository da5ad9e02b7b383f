//! What is on the wire, and what the client accepts from it.

use std::sync::{Arc, Mutex};

use amaas::testing::{ScriptedReply, TestServer};
use amaas::{CallOptions, ErrorKind, Sealing, Suite};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};

use crate::Result;

#[tokio::test]
async fn nothing_of_a_call_can_be_read_on_the_way() -> Result {
    let server = TestServer::start().await?;
    let options = || CallOptions::default().idempotency_key("CANARY-idempotency");
    let key = server.api_key().expose();
    let canaries = ["CANARY", "idempotency", "Bearer", "authorization", "ANSWER", &key["amaas_test_".len()..]];
    for suite in [Suite::XWing, Suite::X25519] {
        let wire = Wire::to(&server).await?;
        let client = server.client_builder().endpoint(wire.url()).suite(suite).build()?;
        server
            .predict("m", ["ANSWER"])
            .json(200, &json!({"object": "list", "data": []}))
            .problem(401, "ANSWER", "ANSWER");
        client.model("m").with(options()).predict::<String>("CANARY").await?;
        client.models().await?;
        client.model("m").metadata().await.expect_err("a problem");

        let bytes = wire.bytes();
        for canary in canaries {
            assert!(!contains(&bytes, canary), "{canary}");
        }
        for open in
            ["POST /v1/models/m/predict ", "POST /v1/models ", "POST /v2/models/m ", "message/ohttp-chunked-res"]
        {
            assert!(contains(&bytes, open), "{open}");
        }
    }
    let methods: Vec<_> = server.requests().iter().map(|request| request.method().to_owned()).collect();
    assert_eq!(methods, ["POST", "GET", "GET", "POST", "GET", "GET"]);
    assert!(server.requests().iter().all(amaas::testing::RecordedRequest::is_sealed));

    // The same bytes show all of it where sealing is off, so the wire is what was looked at.
    let wire = Wire::to(&server).await?;
    let client = server.client_builder().endpoint(wire.url()).sealing(Sealing::Off).build()?;
    server.predict("m", ["ANSWER"]);
    client.model("m").with(options()).predict::<String>("CANARY").await?;
    let bytes = wire.bytes();
    assert!(canaries.iter().all(|canary| contains(&bytes, canary)));
    let last = server.requests().pop().expect("a request");
    assert_eq!((last.is_sealed(), last.header("idempotency-key")), (false, Some("CANARY-idempotency")));
    Ok(())
}

#[tokio::test]
async fn a_success_that_is_not_sealed_is_not_taken() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    for reply in [ScriptedReply::predict("m", [1]), ScriptedReply::raw(204, &[], ""), ScriptedReply::raw(200, &[], "")]
    {
        server.reply(reply.unsealed());
        let error = model.predict::<u8>("x").await.expect_err("not sealed");
        assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::NotSealed, 1, false));
    }
    // Neither is readiness that anybody on the way could state.
    for (status, kind) in [(200, ErrorKind::NotSealed), (501, ErrorKind::Server)] {
        server.json(status, &json!({"name": "m", "ready": false})).unsealed();
        assert_eq!(model.ready().await.expect_err("not sealed").kind(), kind);
    }
    let sealed = [("content-type", "message/ohttp-chunked-res")];
    server.raw(200, &sealed, "anything").unsealed().predict("m", [1]);
    let blind = model.with(CallOptions::default().without_idempotency_key());
    let error = blind.predict::<u8>("x").await.expect_err("not authentic");
    assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Damaged, 1, true));
    server.raw(200, &sealed, "anything").unsealed();
    assert_eq!(server.remaining(), 2);
    assert_eq!(model.predict::<u8>("x").await?.attempts(), 1);
    Ok(())
}

#[tokio::test]
async fn what_a_gateway_says_is_told_apart_and_follows_the_same_rules() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    server.problem(503, "busy", "the gateway is busy").retry_after(0).unsealed().predict("m", [1]);
    assert_eq!(model.predict::<u8>("x").await?.attempts(), 2);

    server.problem(403, "no", "the gateway says no").unsealed();
    let error = model.predict::<u8>("x").await.expect_err("403");
    assert_eq!((error.kind(), error.is_unsealed()), (ErrorKind::Forbidden, true));
    assert!(error.to_string().ends_with(", said outside the seal: the gateway says no"), "{error}");
    server.problem(403, "no", "the function says no");
    let error = model.predict::<u8>("x").await.expect_err("403");
    assert_eq!((error.kind(), error.is_unsealed()), (ErrorKind::Forbidden, false));

    let blind = model.with(CallOptions::default().without_idempotency_key());
    server.reply(ScriptedReply::problem(502, "gone", "").not_processed()).predict("m", [1]);
    assert_eq!(blind.predict::<u8>("x").await?.attempts(), 2, "the function itself says that nothing was processed");
    // A gateway that saw the call to its end could say the same, and have it run again.
    for status in [429, 502, 503] {
        server.reply(ScriptedReply::problem(status, "gone", "").not_processed().unsealed());
        let error = blind.predict::<u8>("x").await.expect_err("not sealed");
        assert_eq!((error.attempts(), error.is_unsealed()), (1, true), "{status}");
        server.reply(ScriptedReply::problem(status, "gone", "").unsealed()).predict("m", [1]);
        assert_eq!(model.predict::<u8>("x").await?.attempts(), 2, "{status}: the service knows a repeat");
    }
    Ok(())
}

#[tokio::test]
async fn a_large_call_goes_and_comes() -> Result {
    let server = TestServer::start().await?;
    let text = "x".repeat(3 << 20);
    server.predict("m", [&text]);
    let client = server.client_builder().suite(Suite::X25519).build()?;
    assert_eq!(client.model("m").predict::<String>(&text).await?.prediction(), &text);
    Ok(())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// A wire to a server that keeps every byte of either direction.
struct Wire {
    url: String,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    async fn to(server: &TestServer) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (bytes, far) = (Arc::<Mutex<Vec<u8>>>::default(), server.url().replace("http://", ""));
        let kept = Arc::clone(&bytes);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&far).await else { return };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(copy(near_in, far_out, Arc::clone(&kept)));
                tokio::spawn(copy(far_in, near_out, Arc::clone(&kept)));
            }
        });
        Ok(Self { url, bytes })
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().expect("no panic").clone()
    }
}

async fn copy(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 1 << 14];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        kept.lock().expect("no panic").extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
