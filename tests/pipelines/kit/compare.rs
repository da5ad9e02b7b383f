//! Compares predictions with the answers of Python.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Compares one prediction for each input with the expected ones.
///
/// # Errors
/// The place of the first difference, with both values.
pub(crate) fn predictions(pipeline: &str, got: &[Value], expected: &[Value], tolerance: f64) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!("expected {} predictions, got {}", expected.len(), got.len()));
    }
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let got = normalised(pipeline, got);
        if tolerance > SORTING_TOLERANCE {
            equal(&format!("[{index}]"), &by_label(&got), &by_label(expected), tolerance)?;
        } else {
            equal(&format!("[{index}]"), &got, expected, tolerance)?;
        }
    }
    Ok(())
}

/// Tabular predictions name the best label; the expected ones are the list of all.
fn normalised(pipeline: &str, prediction: &Value) -> Value {
    match pipeline {
        "tabular-classification" => with_text_labels(prediction.get("scores").unwrap_or(prediction)),
        "tabular-regression" => prediction.get("value").cloned().unwrap_or_else(|| prediction.clone()),
        _ => prediction.clone(),
    }
}

/// The list `prediction` sorted by label: scores that are not compared exactly may be in another order.
fn by_label(prediction: &Value) -> Value {
    let mut sorted = prediction.clone();
    if let Some(list) = sorted.as_array_mut() {
        list.sort_by_key(|entry| entry["label"].as_str().unwrap_or_default().to_owned());
    }
    sorted
}

/// Above this tolerance, the order of labels is not compared.
const SORTING_TOLERANCE: f64 = 0.01;

/// `scores` with labels as text: the model's own labels may be integers.
fn with_text_labels(scores: &Value) -> Value {
    let mut scores = scores.clone();
    for class in scores.as_array_mut().into_iter().flatten() {
        if let Some(label) = class["label"].as_i64() {
            class["label"] = label.to_string().into();
        }
    }
    scores
}

fn equal(at: &str, got: &Value, expected: &Value, tolerance: f64) -> Result<(), String> {
    let differs = || Err(format!("{at}: expected {expected}, got {got}"));
    match (got, expected) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
            // Values above 1, such as logits and vectors, have a relative difference.
            if (one - other).abs() <= tolerance * other.abs().max(1.0) { Ok(()) } else { differs() }
        }
        (Value::Array(got), Value::Array(expected)) if got.len() == expected.len() => {
            let mut pairs = got.iter().zip(expected).enumerate();
            pairs.try_for_each(|(index, (got, expected))| equal(&format!("{at}[{index}]"), got, expected, tolerance))
        }
        (Value::Object(got), Value::Object(expected)) => members(at, got, expected, tolerance),
        (Value::String(one), Value::String(other)) if one == other => Ok(()),
        (Value::Null, Value::Null) => Ok(()),
        (Value::Bool(one), Value::Bool(other)) if one == other => Ok(()),
        _ => differs(),
    }
}

fn members(at: &str, got: &Map<String, Value>, expected: &Map<String, Value>, tolerance: f64) -> Result<(), String> {
    for (name, expected) in expected {
        let at = format!("{at}.{name}");
        let actual = got.get(name).unwrap_or(&Value::Null);
        match name.as_str() {
            "mask" => masks(&at, actual, expected)?,
            // Whole pixels follow from the exact box.
            "box" if got.contains_key("box") && expected.get("xmin").is_some() => {}
            "box_exact" => boxes(&at, got.get("box").unwrap_or(&Value::Null), expected)?,
            "timestamp" => equal(&at, actual, expected, 0.02)?,
            _ => equal(&at, actual, expected, tolerance)?,
        }
    }
    Ok(())
}

/// Whether each corner is one that is within half a pixel of the expected one, cut towards zero.
fn boxes(at: &str, got: &Value, expected: &Value) -> Result<(), String> {
    let corners: Vec<_> = ["xmin", "ymin", "xmax", "ymax"].iter().map(|side| got[side].as_i64()).collect();
    let expected: Vec<_> = expected.as_array().into_iter().flatten().map(Value::as_f64).collect();
    // A whole number is exact as a float.
    #[allow(clippy::cast_precision_loss)]
    let near = |(one, other): (&Option<i64>, &Option<f64>)| {
        let cut = |other: f64| (other - 0.5).trunc()..=(other + 0.5).trunc();
        one.zip(*other).is_some_and(|(one, other)| cut(other).contains(&(one as f64)))
    };
    if corners.len() == expected.len() && corners.iter().zip(&expected).all(near) {
        return Ok(());
    }
    Err(format!("{at}: expected {}, got {got}", json!(expected)))
}

/// Whether 99.9 % of the pixels of two masks are equal.
fn masks(at: &str, got: &Value, expected: &Value) -> Result<(), String> {
    let (got, expected) = (mask(at, got)?, mask(at, expected)?);
    if got.dimensions() != expected.dimensions() {
        return Err(format!("{at}: expected {:?} pixels, got {:?}", expected.dimensions(), got.dimensions()));
    }
    let differing =
        got.pixels().zip(expected.pixels()).filter(|(one, other)| (one.0[0] > 127) != (other.0[0] > 127)).count();
    let pixels = got.pixels().len();
    if differing * 1000 <= pixels { Ok(()) } else { Err(format!("{at}: {differing} of {pixels} pixels differ")) }
}

fn mask(at: &str, value: &Value) -> Result<image::GrayImage, String> {
    let text = value.as_str().ok_or_else(|| format!("{at}: expected a PNG in base64, got {value}"))?;
    let bytes = STANDARD.decode(text).map_err(|error| format!("{at}: {error}"))?;
    Ok(image::load_from_memory(&bytes).map_err(|error| format!("{at}: {error}"))?.into_luma8())
}
