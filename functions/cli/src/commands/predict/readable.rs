//! Predictions as text for a terminal: a line for each label, span, box or document, its cells separated by tabs.

use amaas::task::{RankedTexts, ScoredText};
use serde::Deserialize;
use serde_json::{Map, Value};

/// `prediction` as text; JSON if it has no form of its own. `documents` are those that a ranking is of.
pub(super) fn readable(prediction: &Value, documents: &[String]) -> String {
    let lines = match prediction {
        Value::Array(items) => list(items, documents),
        Value::Object(fields) => object(prediction, fields),
        _ => None,
    };
    lines.unwrap_or_else(|| prediction.to_string())
}

/// A list of labels, spans or boxes, or a vector.
fn list(items: &[Value], documents: &[String]) -> Option<String> {
    if let Some(Value::Array(first)) = items.first() {
        if first.first().is_some_and(Value::is_number) {
            return Some(format!("{} vectors of {} values", items.len(), first.len()));
        }
        // A list for each mask of a text.
        let lists = items.iter().map(|items| list(items.as_array()?, documents)).collect::<Option<Vec<_>>>()?;
        return Some(lists.join("\n\n"));
    }
    if items.first().is_some_and(Value::is_number) {
        return Some(vector(items));
    }
    let lines = items.iter().map(|item| line(item.as_object()?, documents)).collect::<Option<Vec<_>>>()?;
    Some(if lines.is_empty() { "(none)".to_owned() } else { lines.join("\n") })
}

/// One label, span, box or document.
fn line(item: &Map<String, Value>, documents: &[String]) -> Option<String> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let score = item.get("score").map(|score| score.as_f64().map_or("-".to_owned(), |score| format!("{score:.4}")));
    let score = score?;
    let span = || Some(format!("{}-{}", item.get("start")?.as_u64()?, item.get("end")?.as_u64()?));
    if let Some(label) = text("entity_group").or_else(|| text("entity")) {
        return Some(format!("{label}\t{score}\t{}\t{}", span()?, text("word")?));
    }
    if let Some(answer) = text("answer") {
        return Some(format!("{score}\t{}\t{answer}", span()?));
    }
    if let Some(sequence) = text("sequence") {
        return Some(format!("{}\t{score}\t{sequence}", text("token_str")?));
    }
    if let Some(index) = item.get("index").and_then(Value::as_u64) {
        let document = usize::try_from(index).ok().and_then(|index| documents.get(index));
        return Some(format!("{score}\t{index}\t{}", document.map_or("", String::as_str)).trim_end().to_owned());
    }
    let label = text("label").or_else(|| text("text"))?;
    Some(match (item.get("box"), text("mask")) {
        (Some(place), _) => format!("{label}\t{score}\t{}", corners(place)),
        (_, Some(mask)) => format!("{label}\t{score}\tmask of {} bytes", mask.len() / 4 * 3),
        (None, None) => format!("{label}\t{score}"),
    })
}

/// A box as its corners, `(left, top) (right, bottom)` or a polygon.
fn corners(place: &Value) -> String {
    let side = |name: &str| place.get(name).map(Value::to_string);
    if let (Some(xmin), Some(ymin), Some(xmax), Some(ymax)) = (side("xmin"), side("ymin"), side("xmax"), side("ymax")) {
        return format!("({xmin}, {ymin}) ({xmax}, {ymax})");
    }
    let point = |point: &Value| {
        let numbers = point.as_array().map(|xy| xy.iter().map(Value::to_string).collect::<Vec<_>>().join(", "));
        format!("({})", numbers.unwrap_or_default())
    };
    place.as_array().map_or_else(|| place.to_string(), |points| points.iter().map(point).collect::<Vec<_>>().join(" "))
}

/// A generated text as it is, a transcript with its chunks, a classification as `label score`, ranked texts as lines of
/// `score text`, a vector by its beginning.
fn object(prediction: &Value, fields: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    if let Some(transcript) =
        text("text").filter(|_| fields.contains_key("finish_reason") || !fields.contains_key("score"))
    {
        let chunk = |chunk: &Value| {
            let time = |place: usize| chunk["timestamp"][place].as_f64().map(|seconds| format!("{seconds:.2}"));
            Some(format!("{}-{}\t{}", time(0)?, time(1)?, chunk["text"].as_str()?))
        };
        let chunks = fields.get("chunks").and_then(Value::as_array).into_iter().flatten().filter_map(chunk);
        return Some(std::iter::once(transcript.to_owned()).chain(chunks).collect::<Vec<_>>().join("\n"));
    }
    if let Some(scores) = fields.get("scores").and_then(Value::as_array).filter(|_| fields.contains_key("label")) {
        let line = |class: &Value| {
            let label = class["label"].as_str().map_or_else(|| class["label"].to_string(), str::to_owned);
            Some(format!("{label}\t{:.4}", class["score"].as_f64()?))
        };
        return Some(scores.iter().map(line).collect::<Option<Vec<_>>>()?.join("\n"));
    }
    let label = text("label").map(str::to_owned);
    let label = label.or_else(|| prediction["digit"].as_u64().map(|digit| digit.to_string()));
    if let (Some(label), Some(probability)) = (label, prediction["probability"].as_f64()) {
        return Some(format!("{label}\t{probability:.4}"));
    }
    if let Ok(ranked) = RankedTexts::deserialize(prediction) {
        let line = |text: &ScoredText| format!("{:.4}\t{}", text.score, text.text);
        return Some(ranked.ranked.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    if let (Some(embedding), Some(tokens)) = (prediction["embedding"].as_array(), prediction["tokens"].as_u64()) {
        let cut = if prediction["truncated"] == true { ", and the text has more" } else { "" };
        return Some(format!("{} of {tokens} tokens{cut}", vector(embedding)));
    }
    line(fields, &[])
}

fn vector(values: &[Value]) -> String {
    let first = values.iter().take(SHOWN_VALUES).filter_map(Value::as_f64).map(|value| format!("{value:.4}"));
    format!("[{}, …]\t{} values", first.collect::<Vec<_>>().join(", "), values.len())
}

const SHOWN_VALUES: usize = 4;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_prediction_has_its_lines() {
        for (prediction, expected) in [
            (json!([{"label": "POSITIVE", "score": 0.99981}]), "POSITIVE\t0.9998"),
            (
                json!([{"entity_group": "PER", "score": 0.5, "word": "Anna", "start": 0, "end": 4}]),
                "PER\t0.5000\t0-4\tAnna",
            ),
            (json!([{"answer": "Paris", "score": 0.25, "start": 3, "end": 8}]), "0.2500\t3-8\tParis"),
            (json!([{"sequence": "A cat.", "score": 0.5, "token": 7, "token_str": "cat"}]), "cat\t0.5000\tA cat."),
            (json!([{"index": 1, "score": 2.5}, {"index": 7, "score": 1}]), "2.5000\t1\tsecond\n1.0000\t7"),
            (
                json!([{"label": "cat", "score": 0.9, "box": {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 40}}]),
                "cat\t0.9000\t(1, 2) (30, 40)",
            ),
            (
                json!([{"text": "EXIT", "score": 0.9, "box": [[1, 2], [3, 2], [3, 4], [1, 4]]}]),
                "EXIT\t0.9000\t(1, 2) (3, 2) (3, 4) (1, 4)",
            ),
            (json!([{"label": "sky", "score": null, "mask": "AAAA"}]), "sky\t-\tmask of 3 bytes"),
            (json!([]), "(none)"),
            (json!([0.5, 0.25, 0.125, 1, 2]), "[0.5000, 0.2500, 0.1250, 1.0000, …]\t5 values"),
            (json!([[0.5, 0.25], [1, 2], [3, 4]]), "3 vectors of 2 values"),
            (json!({"text": "hello", "chunks": [{"text": "hello", "timestamp": [0, 0.5]}]}), "hello\n0.00-0.50\thello"),
            (
                json!({"label": 1, "score": 0.75, "score_type": "probability",
                    "scores": [{"label": 1, "score": 0.75}, {"label": 0, "score": 0.25}]}),
                "1\t0.7500\n0\t0.2500",
            ),
            (json!({"label": "positive", "probability": 0.5}), "positive\t0.5000"),
            (json!(41.5), "41.5"),
            (json!({"other": 1}), r#"{"other":1}"#),
        ] {
            let documents = ["first".to_owned(), "second".to_owned()];
            assert_eq!(readable(&prediction, &documents), expected, "{prediction}");
        }
    }
}
