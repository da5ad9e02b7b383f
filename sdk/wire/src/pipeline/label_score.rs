//! A label and its score.

use serde::{Deserialize, Serialize};

/// A label and its score: an entry of the output of a classification pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct LabelScore {
    /// The label of the class.
    pub label: String,
    /// Its score: a probability, unless the call asks for the network's own values.
    pub score: f32,
}

impl LabelScore {
    /// A label with its score.
    pub fn new(label: impl Into<String>, score: f32) -> Self {
        Self { label: label.into(), score }
    }
}
