//! Sealed calls, made by somebody else's client: the crate `ohttp`, with `bhttp` inside.

use amaas_e2e::{Function, Stage};
use bhttp::{Message, Mode};
use bytes::Bytes;
use ohttp::ClientRequest;
use reqwest::header::CONTENT_TYPE;

const PATH: &str = "/v1/models/sentiment/predict";

/// A function with keys, ready.
async fn function(stage: &Stage, policy: &str) -> Function {
    let function = stage.sentiment().await.set("AMAAS_SEALING", policy).start();
    function.ready().await;
    function
}

/// Status and content of the answer inside the answer.
async fn call(endpoint: &str, key: &str, content: &str) -> (u16, String) {
    let keys = reqwest::get(format!("{endpoint}/v1/models/sentiment/keys")).await.expect("an answer");
    assert_eq!(keys.headers()[CONTENT_TYPE], "application/ohttp-keys");
    let keys = keys.bytes().await.expect("a list");
    let client = ClientRequest::from_encoded_config_list(&keys).expect("a key that the crate knows");

    let method_and_path = (b"POST".to_vec(), b"https".to_vec(), b"function".to_vec(), PATH.into());
    let mut message = Message::request(method_and_path.0, method_and_path.1, method_and_path.2, method_and_path.3);
    message.put_header("authorization", format!("Bearer {key}"));
    message.put_header("content-type", "application/json");
    message.write_content(content);
    let mut plain = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut plain).expect("a message");

    let (sealed, opener) = client.encapsulate(&plain).expect("sealed");
    let post = reqwest::Client::new().post(format!("{endpoint}{PATH}")).header(CONTENT_TYPE, "message/ohttp-req");
    let answer = post.body(sealed).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[CONTENT_TYPE]),
        (200, &"message/ohttp-res".parse().expect("a value"))
    );
    let sealed: Bytes = answer.bytes().await.expect("a body");
    let plain = opener.decapsulate(&sealed).expect("opened");
    let message = Message::read_bhttp(&mut std::io::Cursor::new(plain)).expect("a message");
    let status = message.control().status().expect("a response").code();
    (status, String::from_utf8_lossy(message.content()).into_owned())
}

#[tokio::test]
async fn another_implementation_calls_the_function() {
    let stage = Stage::set().await;
    let function = function(&stage, "required").await;
    let endpoint = function.endpoint().await;
    let (status, content) = call(&endpoint, stage.key().expose(), r#"{"inputs":["a wonderful film"]}"#).await;
    assert_eq!(status, 200, "{content}");
    assert!(content.contains("\"label\":\"positive\""), "{content}");

    // What the route refuses is inside too, and the caller's key is checked inside.
    let (status, content) = call(&endpoint, stage.key().expose(), r#"{"inputs":[1]}"#).await;
    assert_eq!((status, content.contains("malformed-body")), (400, true), "{content}");
    let (status, _) = call(&endpoint, "amaas_test_wrong", "{}").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn plain_calls_are_refused_only_where_sealing_is_required() {
    let stage = Stage::set().await;
    for (policy, expected) in [("required", 403), ("optional", 200)] {
        let function = function(&stage, policy).await;
        let post = reqwest::Client::new().post(format!("{}{PATH}", function.endpoint().await));
        let post = post.bearer_auth(stage.key().expose()).body(r#"{"inputs":["fine"]}"#);
        assert_eq!(post.send().await.expect("an answer").status().as_u16(), expected, "{policy}");
    }
}
