//! A client that was released goes on with a service that says more than it knows.

use std::path::Path;

use amaas::task::{
    DigitClassification, Embedding, FinishReason, Generation, RankedClassification, RankedTexts, TextClassification,
};
use amaas::testing::TestServer;
use amaas::{
    Client, Datatype, Error, ModelList, ModelMetadata, Problem, Receipt, ServerMetadata, Tensor, Usage, UsageQuery,
    UsageReport,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Result;

/// Puts a member that no type has into every object, but for those whose members are data.
fn more(json: &mut Value) {
    match json {
        Value::Array(values) => values.iter_mut().for_each(more),
        Value::Object(members) => {
            members.iter_mut().filter(|(name, _)| *name != "probabilities").for_each(|(_, value)| more(value));
            members.insert("later".to_owned(), json!({"x": [1]}));
        }
        _ => {}
    }
}

fn reads<T: DeserializeOwned>(mut json: Value) -> T {
    more(&mut json);
    serde_json::from_value(json.clone())
        .unwrap_or_else(|error| panic!("{}: {error}: {json}", std::any::type_name::<T>()))
}

#[test]
fn members_and_values_that_are_not_known_are_passed_over() {
    let digest = format!("sha256:{}", "00".repeat(32));
    reads::<TextClassification>(json!({"label": "a", "probability": 1, "probabilities": {"a": 1}}));
    reads::<RankedClassification>(json!({"label": "a", "probability": 1, "top": [{"label": "a", "probability": 1}]}));
    reads::<DigitClassification>(
        json!({"digit": 1, "probability": 1, "probabilities": [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]}),
    );
    reads::<Embedding>(json!({"embedding": [1], "tokens": 1, "truncated": false}));
    reads::<RankedTexts>(json!({"ranked": [{"text": "a", "index": 0, "score": 1}], "labels": []}));
    for (reason, known) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::Other),
        ("tool_calls", FinishReason::Other),
    ] {
        let json = json!({"text": "", "finish_reason": reason, "prompt_tokens": 1, "completion_tokens": 1});
        assert_eq!(reads::<Generation>(json).finish_reason, known, "{reason}");
    }
    reads::<Usage>(json!({"rows": 1, "billed_ms": 1}));
    reads::<ModelList>(json!({"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "amaas",
        "version": "1", "task": "t", "ready": true}]}));
    reads::<ServerMetadata>(json!({"name": "amaas", "version": "1", "extensions": ["later"]}));
    let metadata = reads::<ModelMetadata>(json!({"name": "m", "versions": ["1"], "platform": "later", "inputs": [],
        "outputs": [{"name": "y", "datatype": "FP8", "shape": [-1]}, {"name": "z", "datatype": "FP32", "shape": []}]}));
    let datatypes: Vec<_> = metadata.outputs.iter().map(|output| output.datatype.known()).collect();
    assert_eq!(
        (datatypes, metadata.outputs[0].datatype.to_string()),
        (vec![None, Some(Datatype::Fp32)], "FP8".to_owned())
    );
    let sum = json!({"calls": 1, "sealed": 1, "rows": 1, "tokens": 1, "units": 1, "billed_ms": 1, "init_ms": 1,
        "bytes_in": 1, "bytes_out": 1, "cost_nanos": 1});
    let mut row = sum.clone();
    row["days"] = json!([{"day": "2026-11-01", "calls": 1, "units": 1}]);
    reads::<UsageReport>(json!({"tenant": "t", "since": "2026-11-01", "until": "2026-11-01", "by": "model",
        "data": [row], "total": sum}));
    reads::<Problem>(json!({"type": "urn:later"}));
    reads::<Receipt>(json!({"format": "amaas.receipt/1", "request_id": "r", "time": 1, "tenant": "t", "model": "m",
        "version": "1", "digest": digest, "usage": {"rows": 1, "billed_ms": 1, "units": 1, "unit": "later"},
        "input": digest, "output": digest}));
}

/// The same through every call.
#[tokio::test]
async fn answers_of_a_later_service_are_answers() -> Result {
    async fn answered<T>(
        server: &TestServer,
        mut json: Value,
        call: impl AsyncFnOnce(Client) -> std::result::Result<T, Error>,
    ) -> std::result::Result<T, Box<dyn std::error::Error>> {
        more(&mut json);
        server.json(200, &json);
        Ok(call(server.client()?).await?)
    }
    let server = TestServer::start().await?;
    let generated = json!({"predictions": [{"text": "a", "finish_reason": "later", "prompt_tokens": 1,
        "completion_tokens": 1}], "model": "m", "version": "1", "usage": {"rows": 1, "billed_ms": 1}});
    let answer = answered(&server, generated, async |client| client.model("m").complete("x").await).await?;
    assert_eq!(answer.prediction().finish_reason, FinishReason::Other);
    let ready = json!({"name": "m", "ready": true, "execution_provider": "later"});
    assert!(answered(&server, ready, async |client| client.model("m").ready().await).await?.is_ready());
    let tensors = json!({"model_name": "m", "outputs": [{"name": "y", "datatype": "INT8", "shape": [1], "data": [7]}]});
    let inferred = answered(&server, tensors, async |client| client.model("m").infer(Vec::new()).await).await?;
    assert_eq!(inferred.output("y"), Some(&Tensor::new("y", vec![1], vec![7_i8])?));
    let usage = json!({"tenant": "t", "since": "", "until": "", "by": "key", "data": [], "total":
        serde_json::to_value(amaas::UsageSum::default())?});
    answered(&server, usage, async |client| client.usage(&UsageQuery::default()).await).await?;
    Ok(())
}

/// What has public fields or variants, and is answered, may get more of them.
#[test]
fn types_of_answers_are_open() -> Result {
    // What a caller makes: a member more would be one that the caller has to fill.
    const ASKED: [&str; 2] = ["InferRequest", "ImageAndTexts"];
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/src");
    let lib = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"))?;
    let exported = lib.lines().filter(|line| line.starts_with("pub use amaas_wire::"));
    let mut names: Vec<String> = exported
        .flat_map(|line| line.split(|it: char| !it.is_alphanumeric()))
        .filter(|name| name.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect();
    let mut checked = 0;
    for (folder, files) in [("", None), ("task", Some("task")), ("receipt", Some("receipt")), ("oip", Some("oip"))] {
        for file in std::fs::read_dir(wire.join(folder))?.filter_map(std::result::Result::ok).map(|entry| entry.path())
        {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let is_task = files == Some("task") || file.ends_with("task.rs");
            for block in text.split("\n\n") {
                let Some(line) =
                    block.lines().find(|line| line.starts_with("pub struct ") || line.starts_with("pub enum "))
                else {
                    continue;
                };
                let name: String =
                    line.split(' ').nth(2).unwrap_or_default().chars().take_while(|it| it.is_alphanumeric()).collect();
                let is_open = block.lines().any(|line| line.contains("non_exhaustive"));
                let has_parts = line.starts_with("pub enum ") || block.lines().any(|line| line.starts_with("    pub "));
                if has_parts && (is_task || names.contains(&name)) && !ASKED.contains(&name.as_str()) {
                    assert!(is_open, "{name} in {}", file.display());
                    checked += 1;
                }
            }
        }
    }
    names.sort();
    assert!(checked >= 20, "{checked} of {names:?}");
    Ok(())
}
