//! The vectors of answers.

/// The first vector of `answer`, in our JSON or in that of text-embeddings-inference; empty for anything else.
pub(crate) fn first_vector(answer: &[u8]) -> Vec<f32> {
    let mut answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let at = if answer.is_array() { "/0" } else { "/predictions/0" };
    let vector = answer.pointer_mut(at).map(serde_json::Value::take).unwrap_or_default();
    serde_json::from_value(vector).unwrap_or_default()
}

/// The cosine of the angle between two vectors; 0 if their lengths differ.
pub(crate) fn cosine(one: &[f32], other: &[f32]) -> f64 {
    if one.len() != other.len() {
        return 0.0;
    }
    let dot = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt().max(f64::MIN_POSITIVE)
}
