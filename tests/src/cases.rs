//! The cases with known answers that lie beside the sentiment model, made by another ONNX Runtime than ours.

use amaas_model::manifest::{GoldenCase, GoldenCases};
use serde_json::Value;

/// Ids and the probabilities that an independent Python program got for them.
pub fn golden() -> Vec<GoldenCase> {
    let golden = GoldenCases::from_json(include_bytes!("../../functions/sentiment/model/golden.json"));
    golden.expect("the committed cases").cases
}

/// A text and the probability that it is positive.
#[derive(Clone, Debug)]
pub struct TextCase {
    /// What is special about it.
    pub name: String,
    /// The text.
    pub text: String,
    /// What the model should say.
    pub positive: f64,
}

/// Texts and the probabilities that an independent Python program got for them, the odd ones too.
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

/// How far an answer may be off: another build of the same library sums in the same order.
pub const TOLERANCE: f64 = 1e-6;
