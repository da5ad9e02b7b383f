//! Sealed calls with an independent client: the crate `ohttp`, with `bhttp` inside.

use std::time::SystemTime;

use amaas_e2e::{Function, ProcessBuilder, TestEnv};
use amaas_serve::sealing::{DEFAULT_OVERLAP, KeySet};
use amaas_store::ModelName;
use amaas_store::vault::{FileKey, Vault};
use bhttp::{Message, Mode};
use bytes::Bytes;
use ohttp::{ClientRequest, ClientResponse};
use reqwest::header::CONTENT_TYPE;

const PATH: &str = "/v1/models/sentiment/predict";

/// A function with sealing keys, ready.
async fn function(env: &TestEnv, policy: &str) -> Function {
    KeySet::create(&env.store().await, &name(), &vault(env)).await.expect("keys");
    let function = launch(env, policy).await.start();
    function.ready().await;
    function
}

/// A function that requires API keys.
async fn launch(env: &TestEnv, policy: &str) -> ProcessBuilder {
    env.sentiment().await.set("AMAAS_SEALING", policy)
}

/// The environment's own key.
fn vault(env: &TestEnv) -> Vault {
    Vault::File(FileKey::open(&env.kms_key()).expect("a key"))
}

fn name() -> ModelName {
    "sentiment".parse().expect("a name")
}

/// The function's current public keys.
async fn keys(endpoint: &str) -> Bytes {
    let keys = reqwest::get(format!("{endpoint}/v1/models/sentiment/keys")).await.expect("an answer");
    assert_eq!(keys.headers()[CONTENT_TYPE], "application/ohttp-keys");
    keys.bytes().await.expect("a list")
}

/// Status and content of the inner response.
async fn call(endpoint: &str, key: &str, content: &str) -> (u16, String) {
    let keys = keys(endpoint).await;
    call_with(&keys, endpoint, key, content).await
}

async fn call_with(keys: &Bytes, endpoint: &str, key: &str, content: &str) -> (u16, String) {
    let (sealed, opener) = seal(keys, key, content);
    opened(&send(endpoint, sealed).await, opener)
}

fn seal(keys: &Bytes, key: &str, content: &str) -> (Vec<u8>, ClientResponse) {
    let client = ClientRequest::from_encoded_config_list(keys).expect("a key that the crate knows");

    let method_and_path = (b"POST".to_vec(), b"https".to_vec(), b"function".to_vec(), PATH.into());
    let mut message = Message::request(method_and_path.0, method_and_path.1, method_and_path.2, method_and_path.3);
    message.put_header("authorization", format!("Bearer {key}"));
    message.put_header("content-type", "application/json");
    message.put_header("date", httpdate::fmt_http_date(SystemTime::now()));
    message.write_content(content);
    let mut plain = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut plain).expect("a message");

    client.encapsulate(&plain).expect("sealed")
}

async fn send(endpoint: &str, sealed: Vec<u8>) -> Bytes {
    let post = reqwest::Client::new().post(format!("{endpoint}{PATH}")).header(CONTENT_TYPE, "message/ohttp-req");
    let answer = post.body(sealed).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[CONTENT_TYPE]),
        (200, &"message/ohttp-res".parse().expect("a value"))
    );
    answer.bytes().await.expect("a body")
}

fn opened(sealed: &Bytes, opener: ClientResponse) -> (u16, String) {
    let plain = opener.decapsulate(sealed).expect("opened");
    let message = Message::read_bhttp(&mut std::io::Cursor::new(plain)).expect("a message");
    let status = message.control().status().expect("a response").code();
    (status, String::from_utf8_lossy(message.content()).into_owned())
}

#[tokio::test]
async fn another_implementation_calls_the_function() {
    let env = TestEnv::start().await;
    let function = function(&env, "required").await;
    let endpoint = function.endpoint().await;
    let (status, content) = call(&endpoint, env.key().expose(), r#"{"inputs":["a wonderful film"]}"#).await;
    assert_eq!(status, 200, "{content}");
    assert!(content.contains("\"label\":\"positive\""), "{content}");

    // Refusals of the route are in the inner response too, and the key is checked inside.
    let (status, content) = call(&endpoint, env.key().expose(), r#"{"inputs":[1]}"#).await;
    assert_eq!((status, content.contains("malformed-body")), (400, true), "{content}");
    let (status, _) = call(&endpoint, "amaas_test_wrong", "{}").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn plain_calls_are_refused_only_where_sealing_is_required() {
    let env = TestEnv::start().await;
    for (policy, expected) in [("required", 403), ("optional", 200)] {
        let function = function(&env, policy).await;
        let post = reqwest::Client::new().post(format!("{}{PATH}", function.endpoint().await));
        let post = post.bearer_auth(env.key().expose()).body(r#"{"inputs":["fine"]}"#);
        assert_eq!(post.send().await.expect("an answer").status().as_u16(), expected, "{policy}");
    }
}

#[tokio::test]
async fn keys_that_are_rotated_fail_no_call() {
    let env = TestEnv::start().await;
    let function = function(&env, "required").await;
    let endpoint = function.endpoint().await;
    let old = keys(&endpoint).await;
    KeySet::rotate(&env.store().await, &name(), &vault(&env), DEFAULT_OVERLAP).await.expect("rotated");
    let (status, content) = call_with(&old, &endpoint, env.key().expose(), r#"{"inputs":["fine"]}"#).await;
    assert_eq!(status, 200, "{content}");
    assert_eq!(keys(&endpoint).await, old, "the new keys are offered in a minute");
}

#[tokio::test]
async fn a_sealed_call_is_taken_once_by_all_who_share_a_ledger() {
    let env = TestEnv::start().await;
    KeySet::create(&env.store().await, &name(), &vault(&env)).await.expect("keys");
    let launch = launch(&env, "required").await;
    let functions = [launch.start(), launch.start()];
    let mut endpoints = Vec::new();
    for function in &functions {
        function.ready().await;
        endpoints.push(function.endpoint().await);
    }
    let keys = keys(&endpoints[0]).await;
    let (recorded, opener) = seal(&keys, env.key().expose(), r#"{"inputs":["fine"]}"#);
    let (status, content) = opened(&send(&endpoints[0], recorded.clone()).await, opener);
    assert_eq!(status, 200, "{content}");
    for (endpoint, function) in endpoints.iter().zip(&functions).rev() {
        // The answer is sealed to the recorded client, so the test reads the log.
        send(endpoint, recorded.clone()).await;
        let line = function.logs().containing("\"kind\":\"replayed\"").await;
        assert!(line.contains("\"status\":409"), "{line}");
        let (status, content) = call_with(&keys, endpoint, env.key().expose(), r#"{"inputs":["fine"]}"#).await;
        assert_eq!(status, 200, "{content}");
    }
}

#[tokio::test]
async fn a_function_without_keys_waits_for_them() {
    let env = TestEnv::start().await;
    std::fs::remove_file(env.file("sealing/sentiment.json")).expect("the environment made them");
    let function = launch(&env, "required").await.start();
    function.ready().await;
    let endpoint = function.endpoint().await;
    let answer = reqwest::get(format!("{endpoint}/v1/keys")).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 503);
    let said = answer.text().await.expect("text");
    assert!(said.contains("`amaas keys rotate sentiment`"), "{said}");
    let plain = reqwest::Client::new().post(format!("{endpoint}{PATH}")).body("{}").send().await.expect("an answer");
    assert_eq!(plain.status().as_u16(), 403);

    KeySet::create(&env.store().await, &name(), &vault(&env)).await.expect("keys");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let (status, content) = call(&endpoint, env.key().expose(), r#"{"inputs":["fine"]}"#).await;
    assert_eq!(status, 200, "{content}");
}
