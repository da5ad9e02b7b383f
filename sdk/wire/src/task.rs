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

/// What an embedder answers for a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// The vector, of length 1: texts of like meaning have vectors of like direction.
    pub embedding: Vec<f32>,
    /// Tokens of the text that went through the network, those that begin and end it included.
    pub tokens: u64,
    /// Whether the text was longer than the network reads: then the vector is that of its beginning.
    pub truncated: bool,
}

impl Embedding {
    /// The cosine of the angle to `other`, which is 1 for the same direction: how alike the two texts are. It says nothing of
    /// vectors of different models.
    ///
    /// ```
    /// use amaas_wire::task::Embedding;
    ///
    /// let embedding = |embedding| Embedding { embedding, tokens: 3, truncated: false };
    /// let (a, b) = (embedding(vec![1.0, 0.0]), embedding(vec![0.6, 0.8]));
    /// assert!((a.similarity(&b) - 0.6).abs() < 1e-6);
    /// ```
    pub fn similarity(&self, other: &Self) -> f32 {
        self.embedding.iter().zip(&other.embedding).map(|(one, other)| one * other).sum()
    }
}
