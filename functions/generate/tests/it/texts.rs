//! Generated texts equal Python's, do not depend on other calls, and are reproducible by seed.

use amaas::task::{FinishReason, Generation, Prompt};
use amaas_engine::Batching;
use futures_util::future::join_all;
use serde_json::Value;

use crate::service::Service;

async fn complete(service: &Service, prompt: Prompt) -> Generation {
    service.client().model("generate").complete(prompt).await.expect("an answer").into_prediction()
}

/// Prompts with the greedy texts of Python's ONNX Runtime.
fn cases() -> Vec<(String, String, u64)> {
    let cases: Value = serde_json::from_str(include_str!("../../model/texts.json")).expect("the committed cases");
    let text = |case: &Value, member: &str| case[member].as_str().expect("text").to_owned();
    let length = |case: &Value| case["continuation"].as_array().map_or(0, Vec::len) as u64;
    let cases = cases["cases"].as_array().expect("cases").clone();
    cases.iter().map(|case| (text(case, "prompt"), text(case, "text"), length(case))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_pythons_own_alone_and_all_at_once() {
    let service = Service::start().await;
    assert_eq!(service.batching, Batching::Rows, "publishing found rows that are the same together");
    let greedy = |prompt: &str, length| Prompt::new(prompt).max_tokens(length).temperature(0.0);
    let cases = cases();
    for (prompt, text, length) in &cases {
        let made = complete(&service, greedy(prompt, *length)).await;
        assert_eq!((&made.text, made.completion_tokens), (text, *length), "{prompt:?}");
        assert_eq!(made.finish_reason, FinishReason::Length);
    }
    // Each three times, so that some KV caches have equal lengths; of all lengths, so that they finish at different times.
    let calls = cases.iter().cycle().take(3 * cases.len()).enumerate().map(|(number, (prompt, text, length))| {
        let length = length - number as u64 % 7;
        let service = &service;
        async move { (complete(service, greedy(prompt, length)).await, text) }
    });
    for (made, text) in join_all(calls).await {
        // A character that is incomplete at the end is left out.
        assert!(text.starts_with(&made.text) && !made.text.is_empty(), "{made:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_means_a_text_whatever_else_is_made_beside_it() {
    let service = Service::start().await;
    let prompt = |seed| Prompt::new("JULIET:\n").max_tokens(60).temperature(0.9).top_p(0.95).seed(seed);
    let mut alone = Vec::new();
    for seed in 0..6 {
        alone.push(complete(&service, prompt(seed)).await);
    }
    assert!(alone.windows(2).all(|two| two[0].text != two[1].text));
    // Concurrent calls that share runs, and concurrent calls that do not.
    let others = (0..6).map(|_| complete(&service, Prompt::new("Once upon a midnight dreary,").max_tokens(50)));
    let same = (0..6).map(|seed| complete(&service, prompt(seed)));
    let (_, together) = tokio::join!(join_all(others), join_all(same));
    assert_eq!(together, alone);
}

#[tokio::test]
async fn many_prompts_in_one_call_are_answered_in_their_order() {
    let service = Service::start().await;
    let cases = cases();
    let prompts: Vec<_> =
        cases.iter().map(|(prompt, _, length)| Prompt::new(prompt).max_tokens(*length).temperature(0.0)).collect();
    let answer = service.client().model("generate").predict_many::<Generation>(&prompts).await.expect("an answer");
    let tokens: u64 = answer.predictions().iter().map(|made| made.prompt_tokens + made.completion_tokens).sum();
    assert_eq!((answer.usage().rows, answer.usage().tokens), (cases.len() as u64, Some(tokens)));
    for (made, (_, text, _)) in answer.predictions().iter().zip(&cases) {
        assert_eq!(made.text, *text);
    }
}

#[tokio::test]
async fn tensors_are_refused_with_a_word_on_what_to_use() {
    let service = Service::start().await;
    let url = format!("{}/v2/models/generate/infer", service.endpoint);
    let post = reqwest::Client::new().post(url).bearer_auth(service.key.expose()).body(r#"{"inputs":[]}"#);
    let answer = post.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
    assert!(answer.text().await.expect("text").contains("use POST /v1/completions"));
}
