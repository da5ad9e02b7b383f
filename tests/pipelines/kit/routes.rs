//! The same cases on the routes that a pipeline has besides `predict`: `/v1/embeddings` and `/v1/rerank`.

use amaas_local::local_stack::LocalStack;
use serde_json::{Map, Value, json};

use crate::case::{Case, CaseFile};
use crate::compare;
use crate::export::Export;
use crate::sealed_post::post;

/// The results of the cases on the other routes of the pipeline, with their names.
pub(crate) async fn answer_all(
    stack: &LocalStack,
    export: &Export,
    cases: &CaseFile,
) -> Vec<(String, Result<(), String>)> {
    let mut results = Vec::new();
    for case in &cases.cases {
        match cases.pipeline.as_str() {
            "text-ranking" => {
                for path in ["/v1/rerank", "/v2/rerank"] {
                    let result = rank(stack, (path, export.name()), case, cases.tolerance()).await;
                    results.push((format!("{} on {path}", case.name), result));
                }
            }
            "feature-extraction" => {
                let result = embed(stack, export.name(), case, cases.tolerance()).await;
                results.push((format!("{} on /v1/embeddings", case.name), result));
            }
            _ => {}
        }
    }
    if cases.pipeline == "feature-extraction"
        && has_one_vector(cases)
        && let Some(ids) = export.token_ids(WORDS)
    {
        let result = embed_token_ids(stack, export.name(), &ids, cases.tolerance()).await;
        results.push(("token ids on /v1/embeddings".to_owned(), result));
    }
    results
}

/// Ranks the documents of each input, and compares the ranking with that of Python.
async fn rank(stack: &LocalStack, (path, model): (&str, &str), case: &Case, tolerance: f64) -> Result<(), String> {
    let (inputs, parameters) = case.request();
    for (input, expected) in inputs.iter().zip(&case.transformers) {
        let mut body = json!({"model": model, "return_documents": true});
        extend(&mut body, input);
        extend(&mut body, &parameters);
        let (status, answer) = post(stack, path, &body).await?;
        let Some(results) = answer["results"].as_array().filter(|_| status == 200) else {
            return Err(format!("{status}: {answer}"));
        };
        let ranked = |result: &Value| json!({"index": result["index"], "score": result["relevance_score"]});
        let ranked: Vec<_> = results.iter().map(ranked).collect();
        compare::predictions("text-ranking", &[ranked.into()], std::slice::from_ref(expected), tolerance)?;
        for result in results {
            let index = result["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
            let (got, expected) = (&result["document"]["text"], &input["documents"][index]);
            if got != expected {
                return Err(format!("document {index}: expected {expected}, got {got}"));
            }
        }
        let tokens = [&answer["usage"]["total_tokens"], &answer["meta"]["tokens"]["input_tokens"]];
        if tokens[0] != tokens[1] || tokens[0].as_u64() < Some(1) || !answer["id"].is_string() {
            return Err(format!("id or usage: {answer}"));
        }
    }
    Ok(())
}

/// Embeds the texts of `case`, and compares the vectors with those of Python, with length 1. A model with one vector for each token
/// has no such route.
async fn embed(stack: &LocalStack, model: &str, case: &Case, tolerance: f64) -> Result<(), String> {
    let (inputs, mut parameters) = case.request();
    if let Some(parameters) = parameters.as_object_mut() {
        parameters.remove("normalize");
    }
    let mut body = json!({"model": model, "input": inputs});
    extend(&mut body, &parameters);
    let (status, answer) = post(stack, PATH, &body).await?;
    if !is_one_vector(case) {
        let refused = status == 404 && answer["error"]["code"] == "no_embeddings";
        return if refused { Ok(()) } else { Err(format!("expected no_embeddings, got {status}: {answer}")) };
    }
    let expected: Vec<Value> = case.transformers.iter().map(unit).collect();
    compare::predictions("feature-extraction", &vectors(status, &answer)?, &expected, tolerance)
}

/// Checks that the vectors of `ids` are those of their text, and that unsupported members are refused by name.
async fn embed_token_ids(stack: &LocalStack, model: &str, ids: &[u64], tolerance: f64) -> Result<(), String> {
    let call = async |members: Value| {
        let mut body = json!({"model": model});
        extend(&mut body, &members);
        post(stack, PATH, &body).await
    };
    let (status, answer) = call(json!({"input": WORDS.join(" ")})).await?;
    let expected = vectors(status, &answer)?;
    for input in [json!(ids), json!([ids])] {
        let (status, answer) = call(json!({"input": input})).await?;
        compare::predictions("feature-extraction", &vectors(status, &answer)?, &expected, tolerance)?;
        if answer["usage"]["prompt_tokens"] != ids.len() {
            return Err(format!("usage: expected {} tokens, got {}", ids.len(), answer["usage"]));
        }
    }
    let long = vec![ids[1]; 100_000];
    let (status, answer) = call(json!({"input": [long]})).await?;
    if status != 200 || answer["data"][0]["truncated"] != true {
        return Err(format!("100,000 ids: {status}: {}", answer["error"]));
    }
    for (members, param) in [
        (json!({"input": [4_000_000_000_u64]}), "input"),
        (json!({"input": [long], "truncation": false}), "input"),
        (json!({"input": ids, "prompt_name": "query"}), "prompt_name"),
        (json!({"input": ids, "dimensions": 100_000}), "dimensions"),
        (json!({"input": ids, "dimensions": 0}), "dimensions"),
    ] {
        let (status, answer) = call(members).await?;
        if status != 400 || answer["error"]["param"] != param {
            return Err(format!("expected a refusal of {param}, got {status}: {}", answer["error"]));
        }
    }
    Ok(())
}

/// The vectors of an answer.
fn vectors(status: u16, answer: &Value) -> Result<Vec<Value>, String> {
    let entries = answer["data"].as_array().filter(|_| status == 200);
    let entries = entries.ok_or_else(|| format!("{status}: {answer}"))?;
    Ok(entries.iter().map(|entry| entry["embedding"].clone()).collect())
}

fn has_one_vector(cases: &CaseFile) -> bool {
    cases.cases.iter().all(is_one_vector)
}

/// Whether each text of `case` has one vector.
fn is_one_vector(case: &Case) -> bool {
    case.transformers.iter().all(|vector| vector[0].is_number())
}

/// `vector` with length 1.
fn unit(vector: &Value) -> Value {
    let values: Vec<f64> = vector.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    values.iter().map(|value| value / norm).collect()
}

/// Adds the members of `more` to `body`.
fn extend(body: &mut Value, more: &Value) {
    let more = more.as_object().cloned().unwrap_or_else(Map::new);
    if let Some(body) = body.as_object_mut() {
        body.extend(more);
    }
}

const PATH: &str = "/v1/embeddings";
/// Words that are tokens of their own in the exports with a `vocab.txt`.
const WORDS: &[&str] = &["the", "cat"];
