//! Predictions of the tasks that more than one model shares, so that callers need not write them again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a classifier of texts answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The probability of every class; they add up to 1.
    pub probabilities: BTreeMap<String, f32>,
}
