//! Cohere's own client ranks documents with a pipeline on `amaas dev`, and gets OpenAI's errors.

use std::path::Path;

use amaas_e2e::{DevProcess, skip};
use serde_json::{Value, json};
use tokio::process::Command;

/// The script's exit code if the package `cohere` is missing.
const MISSING: i32 = 77;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_ranks_documents() {
    let dev = DevProcess::start().await;
    let export = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/exports/bert-cross-encoder");
    dev.publish("rank", &export).await;
    let tensors = ["--pipeline".to_owned(), "tensors".to_owned()];
    dev.publish_with("plain", &export.join("model.onnx"), &tensors).await;
    models_name_their_pipeline(&dev).await;

    let Some(python) = std::env::var_os("AMAAS_TEST_PYTHON") else {
        return skip("AMAAS_TEST_PYTHON is not set to a Python that has tests/requirements.txt");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("rerank_client.py");
    let mut command = Command::new(&python);
    command.arg(script).env("AMAAS_ENDPOINT", dev.endpoint()).env("AMAAS_API_KEY", dev.key());
    let output = match command.output().await {
        Ok(output) => output,
        Err(error) => return skip(&format!("{}: {error}", python.display())),
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => println!("{said}"),
        Some(MISSING) => skip(said.trim()),
        _ => panic!("{said}"),
    }
}

/// The list of models says the pipeline of each, and the routes that call it.
async fn models_name_their_pipeline(dev: &DevProcess) {
    let get = async |path: &str| {
        let get = reqwest::Client::new().get(format!("{}{path}", dev.endpoint())).bearer_auth(dev.key());
        get.send().await.expect("an answer").json::<Value>().await.expect("JSON")
    };
    let (list, rank, plain) = (get("/v1/models").await, get("/v1/models/rank").await, get("/v1/models/plain").await);
    let entries = list["data"].as_array().expect("a list");
    assert!(entries.contains(&rank) && entries.contains(&plain), "{list}");
    assert_eq!((&rank["task"], &rank["pipeline"]), (&json!("text-ranking"), &json!("text-ranking")));
    let routes = json!(["/v1/models/rank/predict", "/v1/rerank", "/v2/rerank", "/v2/models/rank/infer"]);
    assert_eq!(rank["routes"], routes);
    assert_eq!((plain.get("pipeline"), &plain["routes"]), (None, &json!(["/v2/models/plain/infer"])));
}
