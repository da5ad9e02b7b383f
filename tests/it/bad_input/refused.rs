//! Requests that are refused for their content.

use amaas_wire::ApiKey;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{CANARY, INFER, PREDICT, Refusal, Target};
use amaas_e2e::cases::{TOLERANCE, golden};

#[tokio::test]
async fn bodies_that_are_no_request() {
    let target = Target::start().await;
    for (body, slug, text) in [
        ("", "malformed-body", "the body ends too early"),
        ("canary4711", "malformed-body", "not JSON"),
        ("{\"inputs\":[\"canary4711", "malformed-body", "the body ends too early"),
        ("{\"inputs\":[\"\u{0}canary4711\"]}", "malformed-body", "not JSON"),
        ("[\"canary4711\"]", "malformed-body", "expected"),
        ("{}", "malformed-body", "missing member \"inputs\""),
        ("null", "malformed-body", "expected an object, got null"),
        ("{\"input\":[\"canary4711\"]}", "malformed-body", "unknown member \"input\"; expected \"inputs\""),
        (
            "{\"inputs\":[\"canary4711\"],\"top_k\":4711}",
            "malformed-body",
            "unknown member \"top_k\"; expected \"inputs\"",
        ),
        ("{\"inputs\":\"canary4711\"}", "malformed-body", "inputs: expected a list, got a string"),
        ("{\"inputs\":[\"canary4711\",4711]}", "malformed-body", "inputs[1]: expected a string, got an integer"),
        ("{\"inputs\":[\"canary4711\",\"\\ud83d\"]}", "malformed-body", "inputs[1]: half of a surrogate pair"),
        ("{\"inputs\":[]}", "invalid-input", "inputs"),
    ] {
        let refusal = target.post(PREDICT, body).await;
        refusal.assert(body, 400, slug, text);
    }
    for (body, text) in [
        ("", "the body ends too early"),
        ("canary4711", "not JSON"),
        ("{}", "missing member \"inputs\""),
        ("null", "expected an object, got null"),
        ("{\"inputs\":\"canary4711\"}", "inputs: expected a list, got a string"),
        ("{\"inputs\":[{\"name\":\"input_ids\"}]}", "inputs[0]: missing member \"datatype\""),
        ("{\"inputs\":[],\"output\":4711}", "unknown member \"output\"; expected \"id\""),
        (
            "{\"inputs\":[],\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\"}]}",
            "outputs[0]: unknown member \"datatype\"",
        ),
        (
            "{\"inputs\":[{\"name\":\"x\",\"type\":\"canary4711\"}]}",
            "inputs[0]: unknown member \"type\"; expected \"name\"",
        ),
    ] {
        target.post(INFER, body).await.assert(body, 400, "", text);
    }
    for bytes in [&b"\xff\xfecanary4711"[..], b"{\"inputs\":[\"\xffcanary4711\"]}"] {
        target.post(PREDICT, bytes).await.assert("no UTF-8", 400, "malformed-body", "");
        target.post(INFER, bytes).await.assert("no UTF-8", 400, "", "");
    }
    let deep = format!("{{\"inputs\":{}", "[".repeat(100_000));
    target.post(PREDICT, deep.clone()).await.assert("deep", 400, "malformed-body", "");
    target.post(INFER, deep).await.assert("deep", 400, "", "");
    target.still_serves().await;
}

#[tokio::test]
async fn tensors_that_the_model_does_not_take() {
    let target = Target::start().await;
    let ids = |datatype: &str, shape: Value, data: Value| json!({"name": "input_ids", "datatype": datatype, "shape": shape, "data": data});
    let good = || ids("INT64", json!([1, 256]), json!(vec![1; 256]));
    let with = |value: Value| {
        let mut data = vec![json!(1); 256];
        data[7] = value;
        ids("INT64", json!([1, 256]), data.into())
    };
    for (inputs, text) in [
        (vec![], "input \"input_ids\" is missing; the model takes \"input_ids\""),
        (vec![good(), good()], "input \"input_ids\" came twice"),
        (
            vec![json!({"name": "ids", "datatype": "INT64", "shape": [1], "data": [1]})],
            "unknown input \"ids\"; the model takes \"input_ids\"",
        ),
        (vec![ids("INT64", json!([1, 255]), json!(vec![1; 255]))], "input \"input_ids\": expected shape ["),
        (vec![ids("INT64", json!([256]), json!(vec![1; 256]))], "256], got [256]"),
        (vec![ids("INT64", json!([1, 256]), json!(vec![1; 255]))], "shape [1, 256] needs 256 values, got 255"),
        (vec![ids("INT64", json!([-1, 256]), json!([]))], "dimension 0 of the shape is negative"),
        (vec![ids("INT64", json!([1, 256]), json!([[1, 2], [3]]))], "nested data does not follow shape [1, 256]"),
        (vec![ids("INT64", json!([u64::MAX >> 1, 256]), json!([]))], "overflows"),
        (
            vec![ids("INT32", json!([1, 256]), json!(vec![1; 256]))],
            "input \"input_ids\": expected datatype INT64, got INT32",
        ),
        (
            vec![ids("FP32", json!([1, 256]), json!(vec![1.5; 256]))],
            "input \"input_ids\": expected datatype INT64, got FP32",
        ),
        (vec![ids("CANARY", json!([1, 256]), json!([]))], "unknown datatype; expected one of BOOL, UINT8"),
        (
            vec![with(json!(4711.5))],
            "data[7]: expected an integer from -9223372036854775808 to 9223372036854775807 (INT64), got a number with a \
             fraction",
        ),
        (vec![with(json!(CANARY))], "(INT64), got a string"),
        (vec![with(json!(null))], "(INT64), got null"),
        (vec![with(json!({CANARY: CANARY}))], "(INT64), got an object"),
    ] {
        let body = json!({"inputs": inputs}).to_string();
        target.post(INFER, body).await.assert(text, 400, "", text);
    }
    for (outputs, text) in [
        (json!([{"name": "logits"}]), "unknown output \"logits\"; the model gives \"probability\""),
        (json!([{"name": "probability"}, {"name": "probability"}]), "output \"probability\" was asked for twice"),
    ] {
        let body = json!({"inputs": [good()], "outputs": outputs}).to_string();
        target.post(INFER, body).await.assert(text, 400, "", text);
    }
    target.still_serves().await;
}

#[tokio::test]
async fn keys_that_open_nothing() {
    let target = Target::start().await;
    let body = r#"{"inputs":["canary4711"]}"#;
    let unknown = ApiKey::generate("test").expect("the system gives randomness");
    let good = target.env.key().expose();
    let mistyped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    for (key, slug, text) in [
        (None, "key-missing", "Authorization: Bearer amaas_"),
        (Some("Basic YTpi".to_owned()), "key-missing", "Authorization: Bearer amaas_"),
        (Some("Bearer sk-canary4711".to_owned()), "key-malformed", "begins with \"amaas_\""),
        (Some(format!("Bearer {mistyped}")), "key-malformed", "was it copied in full?"),
        (Some(format!("Bearer {}", unknown.expose())), "key-unknown", "unknown API key"),
    ] {
        for (path, slug) in [(PREDICT, slug), (INFER, "")] {
            let request = target.anonymous(Method::POST, path).body(body);
            let request = match &key {
                Some(key) => request.header("authorization", key),
                None => request,
            };
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            let refusal = Refusal::of(answer).await;
            refusal.assert(path, 401, slug, text);
            assert!(!refusal.text.contains(&unknown.expose()[11..]), "{refusal:?}");
        }
    }
    let accepted = target.anonymous(Method::POST, PREDICT).header("x-api-key", good).body(r#"{"inputs":["x"]}"#);
    assert_eq!(accepted.send().await.expect("an answer").status(), 200);
    let log = target.function.logs().lines().join("\n");
    assert!(!log.contains(CANARY) && !log.contains(&good[11..]) && !log.contains(&unknown.expose()[11..]));
}

#[tokio::test]
async fn places_that_are_none() {
    let target = Target::start().await;
    let (get, post) = (|| Method::GET, || Method::POST);
    for (method, path, status, slug, text) in [
        (post(), "/v1/models/other/predict", 404, "unknown-model", "unknown model \"other\""),
        (post(), "/v1/models/sentiment/predict?version=9", 404, "unknown-version", "has no version \"9\" here"),
        (post(), "/v1/models/sentiment/predict?verison=9", 400, "invalid-input", "the query: expected version"),
        (post(), "/v2/models/other/infer", 404, "", "unknown model \"other\""),
        (post(), "/v2/models/sentiment/versions/9/infer", 404, "", "version \"1\" is served"),
        (get(), "/v2/models/other", 404, "", "unknown model \"other\""),
        (get(), "/v2/models/other/ready", 404, "", "unknown model \"other\""),
        (get(), "/v2/models/sentiment/versions/9/ready", 404, "", "has no version \"9\" here"),
        (get(), "/v2/nothing", 404, "", "there is no such route"),
        (get(), PREDICT, 405, "method", "does not take this method"),
        (Method::PUT, INFER, 405, "", "does not take this method"),
        (Method::DELETE, "/v2/models/sentiment", 405, "", "does not take this method"),
    ] {
        let request = target.request(method.clone(), path);
        let request = if method == Method::GET { request } else { request.body(r#"{"inputs":["canary4711"]}"#) };
        let answer = request.send().await.expect("an answer");
        // RFC 9110 §15.5.6
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{method} {path}");
        Refusal::of(answer).await.assert(path, status, slug, text);
    }
    let xml = target.request(post(), PREDICT).header("content-type", "application/xml").body("<canary4711/>");
    let refusal = Refusal::of(xml.send().await.expect("an answer")).await;
    refusal.assert("XML", 415, "media-type", "expected application/json");
}

#[tokio::test]
async fn an_index_out_of_range_costs_its_caller_only() {
    let target = Target::start().await;
    let client = target.env.client(target.endpoint.clone());
    let model = client.model("sentiment");
    let cases = golden();
    let bad = amaas::Tensor::new("input_ids", vec![1, 256], vec![10_000_i64; 256]);
    let bad = bad.expect("256 values");
    for _ in 0..5 {
        let good = cases.iter().take(15).map(async |case| {
            let answer = model.infer(case.inputs.clone()).await.expect("an answer");
            let got = answer.outputs()[0].data().as_f32().expect("FP32")[0];
            let expected = case.outputs[0].data().as_f32().expect("FP32")[0];
            // Rows that share a run are summed in another order.
            assert!(f64::from(got - expected).abs() <= 2.0 * TOLERANCE, "{got} for {expected}");
        });
        let refused = async {
            let error = model.infer(vec![bad.clone()]).await.expect_err("the embedding has 10,000 rows");
            assert_eq!((error.status(), error.attempts()), (Some(422), 1), "{error}");
            let detail = error.detail().unwrap_or_default();
            assert!(detail.contains("an index may be out of range") && !detail.contains("10000"), "{detail}");
        };
        tokio::join!(join_all(good), refused);
    }
    let log = target.function.logs().lines().join("\n");
    assert!(!log.contains("idx=") && !log.contains("onnxruntime:"), "{log}");
}
