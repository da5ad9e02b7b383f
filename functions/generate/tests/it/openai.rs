//! `POST /v1/completions` in `OpenAI`'s shape, whole and streamed, plain and sealed.

use amaas_ohttp::bhttp::{self, MessageEncoding, RequestHead};
use amaas_ohttp::chunked;
use amaas_ohttp::key_list::KeyList;
use serde_json::{Value, json};

use crate::service::Service;

const PATH: &str = "/v1/completions";

async fn post(service: &Service, key: &str, body: &Value) -> reqwest::Response {
    let post = reqwest::Client::new().post(format!("{}{PATH}", service.endpoint)).bearer_auth(key);
    post.header("content-type", "application/json").body(body.to_string()).send().await.expect("an answer")
}

/// The events of a streamed answer, without the last, which is no JSON, and without the comment after it, which is no event.
fn events(text: &str) -> Vec<Value> {
    let (text, receipt) = text.rsplit_once(": amaas-receipt ").expect("a receipt");
    assert!(receipt.starts_with('{') && receipt.ends_with("}\n\n"), "{receipt}");
    let mut events: Vec<_> =
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").expect("data")).collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    events.iter().map(|event| serde_json::from_str(event).expect("JSON")).collect()
}

#[tokio::test]
async fn pieces_are_the_whole_in_openais_shape() {
    let service = Service::start().await;
    let body = json!({"model": "generate", "prompt": "MENENIUS:\n", "max_tokens": 30, "temperature": 0});
    let answer = post(&service, service.key.expose(), &body).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let tokens = answer.headers()["amaas-usage-tokens"].to_str().expect("text").to_owned();
    let whole: Value = answer.json().await.expect("JSON");
    let members: Vec<_> = whole.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["choices", "created", "id", "model", "object", "usage"]);
    assert_eq!(whole["usage"]["total_tokens"].to_string(), tokens);
    assert_eq!(whole["choices"][0]["finish_reason"], "length");

    let mut streamed = body.clone();
    (streamed["stream"], streamed["stream_options"]) = (true.into(), json!({"include_usage": true}));
    let answer = post(&service, service.key.expose(), &streamed).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = events(&answer.text().await.expect("text"));
    let last = events.pop().expect("an event");
    assert_eq!((&last["usage"], &last["choices"]), (&whole["usage"], &json!([])));
    // In earlier chunks usage is null, as in OpenAI's.
    assert!(events.iter().all(|event| event.get("usage") == Some(&Value::Null)), "{events:?}");
    let text: String = events.iter().map(|event| event["choices"][0]["text"].as_str().expect("text")).collect();
    assert_eq!(whole["choices"][0]["text"], text);
    let finish = events.iter().map(|event| &event["choices"][0]["finish_reason"]);
    assert_eq!(finish.filter(|reason| !reason.is_null()).collect::<Vec<_>>(), [&json!("length")]);
}

#[tokio::test]
async fn a_stop_ends_the_text_before_it() {
    let service = Service::start().await;
    let body = json!({"model": "generate", "prompt": "MENENIUS:\n", "max_tokens": 100, "temperature": 0});
    let whole: Value = post(&service, service.key.expose(), &body).await.json().await.expect("JSON");
    let whole = whole["choices"][0]["text"].as_str().expect("text").to_owned();
    let (at, _) = whole.char_indices().nth(20).expect("a long text");
    let stop = &whole[at..at + 4];
    let mut stopped = body.clone();
    (stopped["stop"], stopped["stream"]) = (json!([stop, "never"]), true.into());
    let events = events(&post(&service, service.key.expose(), &stopped).await.text().await.expect("text"));
    let text: String = events.iter().map(|event| event["choices"][0]["text"].as_str().expect("text")).collect();
    assert_eq!(text, whole[..whole.find(stop).expect("it stands there")]);
    assert_eq!(events.last().expect("an event")["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn errors_are_openais_object() {
    let service = Service::start().await;
    let (key, narrow) = (service.key.expose(), service.narrow.expose());
    let with = |member: &str, value: Value| {
        let mut body = json!({"model": "generate", "prompt": "a"});
        body[member] = value;
        body
    };
    for (key, body, status, param, code, says) in [
        ("amaas_test_wrong", with("n", 1.into()), 401, None, "invalid_api_key", "malformed API key"),
        (narrow, with("n", 1.into()), 403, Some("model"), "key_scope", "may not use model \"generate\""),
        (key, with("model", "nobody".into()), 404, Some("model"), "model_not_found", "unknown model"),
        (key, with("model", "plain".into()), 404, Some("model"), "no_completions", "generates no text"),
        (key, with("prompt", json!([1, 2])), 400, Some("prompt"), "invalid_input", "token ids are not taken"),
        (
            key,
            with("prompt", "a ".repeat(1000).into()),
            400,
            Some("prompt"),
            "invalid_input",
            "expected 1 to 255 tokens",
        ),
        (key, with("max_tokens", 256.into()), 400, Some("max_tokens"), "invalid_input", "has room for 256 tokens"),
        (key, with("n", 2.into()), 400, Some("n"), "invalid_input", "expected 1"),
        (key, with("top_k", 1.into()), 400, Some("top_k"), "invalid_input", "unknown member \"top_k\""),
        (key, with("max_completion_tokens", 5.into()), 400, Some("max_completion_tokens"), "invalid_input", "unknown"),
        (key, with("store", "a".into()), 400, Some("store"), "invalid_input", "expected true or false"),
        (key, with("best_of", 2.into()), 400, Some("best_of"), "invalid_input", "expected 1"),
        (key, with("temperature", 3.into()), 400, Some("temperature"), "invalid_input", "from 0 to 2"),
        (key, with("stop", "".into()), 400, Some("stop"), "invalid_input", "one character or more"),
    ] {
        let answer = post(&service, key, &body).await;
        assert_eq!(answer.status().as_u16(), status, "{body}");
        let answer: Value = answer.json().await.expect("JSON");
        let error = &answer["error"];
        assert_eq!((&error["code"], error["param"].as_str()), (&code.into(), param), "{body}: {error}");
        assert!(error["message"].as_str().expect("text").contains(says), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_kept_answer_is_given_again_and_a_streamed_one_is_not_kept() {
    let service = Service::start().await;
    let call = async |key: &amaas::ApiKey, id: &str, stream: bool| {
        let body = json!({"model": "generate", "prompt": "a", "stream": stream}).to_string();
        let post = reqwest::Client::new().post(format!("{}{PATH}", service.endpoint)).bearer_auth(key.expose());
        let answer = post.header("idempotency-key", id).body(body).send().await.expect("an answer");
        let again = answer.headers().contains_key("idempotency-replayed");
        (answer.status().as_u16(), again, answer.text().await.expect("text"))
    };
    let (status, again, first) = call(&service.key, "one", false).await;
    assert_eq!((status, again), (200, false));
    assert_eq!(call(&service.key, "one", false).await, (200, true, first), "drawn anew it would be another");
    assert_eq!(call(&service.narrow, "one", false).await.0, 403);
    assert!(!call(&service.key, "two", true).await.1);
    assert!(!call(&service.key, "two", true).await.1);
}

#[tokio::test]
async fn a_sealed_answer_comes_piece_by_piece() {
    let service = Service::start().await;
    let keys = reqwest::get(format!("{}/v1/models/generate/keys", service.endpoint)).await.expect("an answer");
    let keys = KeyList::decode(&keys.bytes().await.expect("bytes")).expect("a list");
    let mut head = RequestHead::new("POST", "https", "function", PATH).expect("a head");
    let authorization = format!("Bearer {}", service.key.expose());
    head.headers.push("authorization", authorization.as_bytes()).expect("a field");
    let body =
        json!({"model": "generate", "prompt": "ROMEO:\n", "max_tokens": 200, "seed": 3, "stream": true}).to_string();
    let message = bhttp::Request::new(head, body.into_bytes()).encode(MessageEncoding::default());
    let (sealed, mut opener) = chunked::seal_request(keys.preferred(), &message).expect("sealed");
    let post = reqwest::Client::new().post(format!("{}{PATH}", service.endpoint));
    let post = post.header("content-type", chunked::REQUEST_MEDIA_TYPE).body(sealed);
    let mut answer = post.send().await.expect("an answer");
    let (mut inside, mut pieces) = (Vec::new(), 0);
    while let Some(bytes) = answer.chunk().await.expect("bytes") {
        let piece = opener.push(&bytes).expect("opened as it comes");
        pieces += usize::from(!piece.is_empty());
        inside.extend(piece);
    }
    inside.extend(opener.finish().expect("whole"));
    assert!(pieces > 20, "{pieces} pieces");
    let inner = bhttp::Response::decode(&inside, bhttp::DecodeLimits::default()).expect("a response");
    assert_eq!(inner.head.status(), 200);
    assert!(events(std::str::from_utf8(&inner.content).expect("UTF-8")).len() > 20);
}
