//! The protocol's routes and Triton's, with a version and without.

use amaas_e2e::onnx;
use reqwest::Method;
use serde_json::json;

use super::{OipServer, Response};

#[tokio::test]
async fn every_route_takes_a_version() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    for (tail, member) in
        [("", "platform"), ("/ready", "ready"), ("/config", "max_batch_size"), ("/stats", "model_stats")]
    {
        let bare = served.get(&format!("/v2/models/plus-one{tail}")).await;
        let versioned = served.get(&format!("/v2/models/plus-one/versions/1{tail}")).await;
        assert_eq!((bare.status, versioned.status), (200, 200), "{tail}");
        assert!(!bare.json()[member].is_null(), "{bare:?}");
        assert_eq!(bare.json(), versioned.json(), "{tail}");
        served.get(&format!("/v2/models/plus-one/versions/2{tail}")).await.refuses(404, "has no version \"2\" here");
        served.get(&format!("/v2/models/nobody{tail}")).await.refuses(404, "unknown model \"nobody\"");
    }
    let config = served.get("/v2/models/plus-one/config").await.json();
    let tensor = |name: &str| json!([{"name": name, "data_type": "TYPE_FP32", "dims": [2]}]);
    assert_eq!((&config["input"], &config["output"]), (&tensor("x"), &tensor("y")));
    assert_eq!((&config["max_batch_size"], &config["dynamic_batching"]), (&json!(4096), &json!({})));
}

#[tokio::test]
async fn what_happened_is_counted() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let input = |rows: usize| json!({"name": "x", "datatype": "FP32", "shape": [rows, 2], "data": vec![0; 2 * rows]});
    for rows in [1, 2, 3] {
        let answer = served.infer(json!({"inputs": [input(rows)]}).to_string(), |request| request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let stats = served.get("/v2/models/stats").await.json();
    let model = &stats["model_stats"][0];
    assert_eq!((&model["name"], &model["version"]), (&json!("plus-one"), &json!("1")));
    assert_eq!((&model["inference_count"], &model["execution_count"]), (&json!(6), &json!(3)));
    assert_eq!(model["inference_stats"]["success"]["count"], 3);
    assert!(model["inference_stats"]["compute_infer"]["ns"].as_u64() > Some(0), "{stats}");
}

#[tokio::test]
async fn models_are_listed_and_not_managed() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let post = async |path: &str, body: &'static str| {
        let request = reqwest::Client::new().post(format!("{}/v2/repository{path}", served.endpoint)).body(body);
        Response::of(request.bearer_auth(served.env.key().expose())).await
    };
    for body in ["", "{}", r#"{"ready":true}"#] {
        let entry = json!({"name": "plus-one", "version": "1", "state": "READY", "reason": ""});
        assert_eq!(post("/index", body).await.json(), json!([entry]), "{body}");
    }
    post("/index", "[").await.refuses(400, "not JSON");
    for verb in ["load", "unload"] {
        post(&format!("/models/plus-one/{verb}"), "").await.refuses(403, "not loaded or unloaded by calls");
    }
    for (method, path) in [
        (Method::POST, "/v2/repository/index"),
        (Method::POST, "/v2/repository/models/plus-one/unload"),
        (Method::POST, "/v2/models/plus-one/infer"),
        (Method::GET, "/v2/models/plus-one/config"),
        (Method::GET, "/v2/models/stats"),
    ] {
        let anonymous = reqwest::Client::new().request(method, format!("{}{path}", served.endpoint));
        Response::of(anonymous).await.refuses(401, "no API key");
    }
}
