//! `POST /v1/embeddings` and `GET /v1/models` in `OpenAI`'s shape.

use amaas_ohttp::bhttp::{self, MessageEncoding, RequestHead};
use amaas_ohttp::chunked;
use amaas_ohttp::key_list::KeyList;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::service::Service;

const PATH: &str = "/v1/embeddings";

async fn post(service: &Service, key: &str, body: &str) -> reqwest::Response {
    let post = reqwest::Client::new().post(format!("{}{PATH}", service.endpoint)).bearer_auth(key);
    post.header("content-type", "application/json").body(body.to_owned()).send().await.expect("an answer")
}

async fn embeddings(service: &Service, body: Value) -> Value {
    let answer = post(service, service.key.expose(), &body.to_string()).await;
    assert_eq!(answer.status().as_u16(), 200);
    answer.json().await.expect("JSON")
}

fn floats(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).expect("numbers")
}

#[tokio::test]
async fn answers_have_openais_shape() {
    let service = Service::start().await;
    let texts = ["The cat sleeps.", "", "A kitten naps on the roof."];
    let body = json!({"model": "embed", "input": texts, "user": "u", "dimensions": 384});
    let answer = post(&service, service.key.expose(), &body.to_string()).await;
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!((header("amaas-usage-rows"), header("amaas-usage-tokens")), ("3".to_owned(), "18".to_owned()));
    let answer: Value = answer.json().await.expect("JSON");
    let members: Vec<_> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["data", "model", "object", "usage"]);
    assert_eq!((&answer["object"], &answer["model"]), (&"list".into(), &"embed".into()));
    assert_eq!(answer["usage"], json!({"prompt_tokens": 18, "total_tokens": 18}));

    // The same vectors as the typed route returns.
    let typed = service.client().model("embed").embed(&texts).await.expect("vectors");
    let entries = answer["data"].as_array().expect("entries");
    assert_eq!(entries.len(), 3);
    for (index, (entry, typed)) in entries.iter().zip(typed.predictions()).enumerate() {
        let members: Vec<_> = entry.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(members, ["embedding", "index", "object"]);
        assert_eq!((&entry["object"], &entry["index"]), (&"embedding".into(), &index.into()));
        assert_eq!(floats(&entry["embedding"]), typed.embedding);
    }

    let one = embeddings(&service, json!({"model": "embed", "input": texts[2], "encoding_format": "base64"})).await;
    let bytes = BASE64_STANDARD.decode(one["data"][0]["embedding"].as_str().expect("base64")).expect("base64");
    let values: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four"))).collect();
    let expected = &typed.predictions()[2].embedding;
    assert_eq!(values.len(), 384);
    assert!(values.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-5));
}

#[tokio::test]
async fn a_text_that_was_cut_is_marked_and_others_are_not() {
    let service = Service::start().await;
    let answer = embeddings(&service, json!({"model": "embed", "input": ["short", "long ".repeat(1000)]})).await;
    let truncated = |index: usize| answer["data"][index].get("truncated").cloned();
    assert_eq!((truncated(0), truncated(1)), (None, Some(true.into())));
    assert_eq!(answer["usage"]["prompt_tokens"], 3 + 128);
    for (member, value) in [("truncate", json!(false)), ("truncate", json!("NONE"))] {
        let body = json!({"model": "embed", "input": ["short", "long ".repeat(1000)], member: value});
        let refused = post(&service, service.key.expose(), &body.to_string()).await;
        assert_eq!(refused.status().as_u16(), 400);
        let error: Value = refused.json().await.expect("JSON");
        let expected = "input[1]: expected at most 128 tokens where truncate is false, got 1002";
        assert_eq!((&error["error"]["message"], &error["error"]["param"]), (&expected.into(), &"input".into()));
        let fits = json!({"model": "embed", "input": "short", member: value});
        assert_eq!(post(&service, service.key.expose(), &fits.to_string()).await.status().as_u16(), 200);
    }
}

#[tokio::test]
async fn errors_are_openais_object() {
    let service = Service::start().await;
    let (key, narrow) = (service.key.expose(), service.narrow.expose());
    for (key, body, status, kind, param, code, says) in [
        ("amaas_test_wrong", "{}", 401, "authentication_error", None, "invalid_api_key", "malformed API key"),
        (key, "{", 400, "invalid_request_error", None, "invalid_input", "not JSON"),
        (key, r#"{"input":"a"}"#, 400, "invalid_request_error", Some("model"), "invalid_input", "\"model\""),
        (key, r#"{"model":"embed"}"#, 400, "invalid_request_error", Some("input"), "invalid_input", "\"input\""),
        (
            key,
            r#"{"model":"nobody","input":"a"}"#,
            404,
            "invalid_request_error",
            Some("model"),
            "model_not_found",
            "unknown model \"nobody\"",
        ),
        (
            key,
            r#"{"model":"plain","input":"a"}"#,
            404,
            "invalid_request_error",
            Some("model"),
            "no_embeddings",
            "makes no embeddings",
        ),
        (
            narrow,
            r#"{"model":"embed","input":"a"}"#,
            403,
            "permission_error",
            Some("model"),
            "key_scope",
            "may not use model \"embed\"",
        ),
    ] {
        let answer = post(&service, key, body).await;
        assert_eq!(answer.status().as_u16(), status, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let answer: Value = answer.json().await.expect("JSON");
        let error = &answer["error"];
        assert_eq!((&error["type"], &error["code"]), (&kind.into(), &code.into()), "{body}: {error}");
        assert_eq!(error["param"].as_str(), param, "{body}: {error}");
        assert!(error["message"].as_str().expect("text").contains(says), "{body}: {error}");
    }
    let get = reqwest::Client::new().get(format!("{}{PATH}", service.endpoint)).bearer_auth(key);
    let get = get.send().await.expect("an answer");
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().ok()), (405, Some("POST")));
    let error: Value = get.json().await.expect("JSON");
    assert_eq!(error["error"]["code"], "method");
    // The typed route of the same model keeps its own shape.
    let typed = reqwest::Client::new().post(format!("{}/v1/models/embed/predict", service.endpoint)).bearer_auth(key);
    let typed = typed.body("{").send().await.expect("an answer");
    assert_eq!(typed.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn members_that_the_model_cannot_honour_are_refused_by_name() {
    let service = Service::start().await;
    let embed = |members: &str| format!(r#"{{"model":"embed",{members}}}"#);
    for (members, param, says) in [
        (r#""input":"a","dimensions":256"#, "dimensions", "expected 384, which vectors of this model have, got 256"),
        (r#""input":[[1,2]]"#, "input", "got token ids: this model takes none"),
        (r#""input":"a","prompt_name":"query""#, "prompt_name", "the model has no prompts"),
        (r#""input":"a","normalize":false"#, "normalize", "unknown member \"normalize\""),
        (r#""input":["a","\ud83d"]"#, "input", "input[1]: half of a surrogate pair"),
        (r#""input":"a","encoding_format":"hex""#, "encoding_format", "\"float\" or \"base64\""),
    ] {
        let answer = post(&service, service.key.expose(), &embed(members)).await;
        assert_eq!(answer.status().as_u16(), 400, "{members}");
        let error = answer.json::<Value>().await.expect("JSON")["error"].clone();
        let got = (&error["type"], &error["code"], &error["param"]);
        assert_eq!(got, (&"invalid_request_error".into(), &"invalid_input".into(), &param.into()), "{members}");
        assert!(error["message"].as_str().expect("text").contains(says), "{members}: {error}");
    }
}

#[tokio::test]
async fn a_kept_answer_is_not_given_to_a_key_that_may_not_use_the_model() {
    let service = Service::start().await;
    let call = async |key: &amaas::ApiKey| {
        let post = reqwest::Client::new().post(format!("{}{PATH}", service.endpoint)).bearer_auth(key.expose());
        let post = post.header("idempotency-key", "one").body(r#"{"model":"embed","input":"a"}"#);
        let answer = post.send().await.expect("an answer");
        (answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed"))
    };
    assert_eq!(call(&service.key).await, (200, false));
    assert_eq!(call(&service.key).await, (200, true));
    assert_eq!(call(&service.narrow).await, (403, false));
}

#[tokio::test]
async fn the_route_takes_sealed_calls() {
    let service = Service::start().await;
    let keys = reqwest::get(format!("{}/v1/models/embed/keys", service.endpoint)).await.expect("an answer");
    let keys = KeyList::decode(&keys.bytes().await.expect("bytes")).expect("a list");
    for (body, expected) in [(r#"{"model":"embed","input":"a"}"#, 200), (r#"{"model":"nobody","input":"a"}"#, 404)] {
        let mut head = RequestHead::new("POST", "https", "function", PATH).expect("a head");
        let authorization = format!("Bearer {}", service.key.expose());
        head.headers.push("authorization", authorization.as_bytes()).expect("a field");
        let message = bhttp::Request::new(head, body.as_bytes().to_vec()).encode(MessageEncoding::default());
        let (sealed, opener) = chunked::seal_request(keys.preferred(), &message).expect("sealed");
        let post = reqwest::Client::new().post(format!("{}{PATH}", service.endpoint));
        let answer = post.header("content-type", chunked::REQUEST_MEDIA_TYPE).body(sealed).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "whatever is inside");
        let inside = opener.open(&answer.bytes().await.expect("bytes")).expect("opened");
        let inner = bhttp::Response::decode(&inside, bhttp::DecodeLimits::default()).expect("a response");
        assert_eq!(inner.head.status(), expected);
        let inner: Value = serde_json::from_slice(&inner.content).expect("JSON");
        assert!(inner["data"][0]["embedding"].is_array() || inner["error"]["code"] == "model_not_found", "{inner}");
    }
}

#[tokio::test]
async fn models_are_listed_in_openais_shape() {
    let service = Service::start().await;
    let get = async |path: &str| {
        let get = reqwest::Client::new().get(format!("{}{path}", service.endpoint)).bearer_auth(service.key.expose());
        let answer = get.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let (_, list) = get("/v1/models").await;
    assert_eq!(list["object"], "list");
    let (status, one) = get("/v1/models/embed").await;
    assert_eq!((status, &one), (200, &list["data"][0]));
    assert_eq!((&one["id"], &one["object"], &one["owned_by"]), (&"embed".into(), &"model".into(), &"amaas".into()));
    assert!(one["created"].as_u64().expect("a time") > 1_700_000_000);
    let (status, error) = get("/v1/models/nobody").await;
    assert_eq!((status, &error["error"]["code"]), (404, &"model_not_found".into()));
}
