//! The golden cases of the sentiment model, made with another ONNX Runtime.

use amaas_model::manifest::{GoldenCase, GoldenCases};
use serde_json::Value;

/// Ids, and the probabilities that an independent Python program computed for them.
pub fn golden() -> Vec<GoldenCase> {
    let golden = GoldenCases::from_json(include_bytes!("../../functions/sentiment/model/golden.json"));
    golden.expect("the committed cases").cases
}

/// A text and the probability that it is positive.
#[derive(Clone, Debug)]
pub struct TextCase {
    /// What the case tests.
    pub name: String,
    /// The text.
    pub text: String,
    /// The expected probability.
    pub positive: f64,
}

/// Texts, edge cases among them, and the probabilities that an independent Python program computed for them.
pub fn texts() -> Vec<TextCase> {
    let cases = serde_json::from_str::<Value>(include_str!("../../functions/sentiment/model/texts.json"));
    let cases = cases.expect("the committed cases");
    cases["cases"].as_array().expect("a list of cases").iter().map(text_case).collect()
}

fn text_case(case: &Value) -> TextCase {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let times = |value: &Value| value.as_u64().and_then(|times| times.try_into().ok()).expect("a number of times");
    TextCase {
        name: text(&case["name"]),
        text: match case.get("repeat") {
            Some(repeat) => text(&repeat["unit"]).repeat(times(&repeat["times"])),
            None => text(&case["text"]),
        },
        positive: case["probability"].as_f64().expect("a probability"),
    }
}

/// The tolerance of an answer: another build of the same library sums in the same order.
pub const TOLERANCE: f64 = 1e-6;
