//! Parameters and members of a request at each level: honoured, or refused by name.

use amaas_e2e::onnx;
use serde_json::{Value, json};

use super::OipServer;

#[tokio::test]
async fn what_would_change_the_answer_is_refused_by_name() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let good = json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}], "outputs": [{"name": "y"}]});
    let with = |place: &str, value: Value| {
        let mut body = good.clone();
        let (parent, name) = place.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a place")[name] = value;
        body.to_string()
    };
    for (place, value) in [
        // Parameters of Triton's and KServe's clients that have no effect.
        ("/parameters", json!({"priority": 1, "timeout": 1000, "sequence_id": 0, "sequence_start": false})),
        ("/parameters", json!({})),
        ("/inputs/0/parameters", json!({})),
        ("/outputs/0/parameters", json!({"binary_data": false, "classification": 0})),
        ("/model_name", json!("plus-one")),
        ("/id", json!("seven")),
    ] {
        let answer = served.infer(with(place, value), |request| request).await;
        assert_eq!((answer.status, &answer.json()["outputs"][0]["data"]), (200, &json!([2.0, 3.0])), "{place}");
    }
    for (place, value, text) in [
        ("/parameters", json!({"content_type": "pd"}), "the parameter `content_type` of the request is not taken here"),
        ("/parameters", json!({"sequence_id": 5}), "the parameter `sequence_id` of the request is not taken here"),
        ("/parameters", json!({"sequence_end": true}), "the parameter `sequence_end` of the request is not taken here"),
        (
            "/inputs/0/parameters",
            json!({"content_type": "np"}),
            "tensor \"x\": the parameter `content_type` is not taken",
        ),
        ("/inputs/0/parameters", json!({"binary_data_sizes": 8}), "`binary_data_sizes` is not taken here"),
        (
            "/outputs/0/parameters",
            json!({"content_type": "base64"}),
            "tensor \"y\": the parameter `content_type` is not",
        ),
        (
            "/outputs/0/parameters",
            json!({"classification": "3"}),
            "outputs[0].parameters.classification: expected a whole number from 0 up",
        ),
        ("/inputs/0/dtype", json!("FP32"), "inputs[0]: unknown member \"dtype\"; expected \"name\""),
        (
            "/outputs/0/shape",
            json!([1, 2]),
            "outputs[0]: unknown member \"shape\"; expected \"name\" or \"parameters\"",
        ),
        ("/output", json!([]), "unknown member \"output\"; expected \"id\""),
    ] {
        served.infer(with(place, value), |request| request).await.refuses(400, text);
    }
    let index = reqwest::Client::new().post(format!("{}/v2/repository/index", served.endpoint));
    let index = index.bearer_auth(served.env.key().expose()).body(r#"{"raedy":true}"#);
    super::Response::of(index).await.refuses(400, "unknown member \"raedy\"; expected \"ready\"");
}

#[tokio::test]
async fn what_json_cannot_carry_is_to_be_asked_for_as_bytes() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let input = json!({"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}});
    let values = [f32::NAN, 1.0].map(f32::to_le_bytes).concat();
    let refused = served.binary(&json!({"inputs": [input]}), &values).await;
    refused.refuses(422, "data[0] is not a finite number, which JSON cannot carry; binary data can (the parameter");
    let asked = json!({"inputs": [input], "parameters": {"binary_data_output": true}});
    let answer = served.binary(&asked, &values).await;
    let (_, bytes) = answer.parts();
    assert_eq!(bytes[4..], 2.0_f32.to_le_bytes());
}
