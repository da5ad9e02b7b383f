//! Predictions of embedders.

use serde::{Deserialize, Serialize};

/// The embedding of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Embedding {
    /// The vector, normalised to length 1. Texts with similar meaning have vectors with similar direction.
    pub embedding: Vec<f32>,
    /// Tokens of the text that the network processed, special tokens included.
    pub tokens: u64,
    /// Whether the text was longer than the network reads, so that the vector is that of its beginning.
    pub truncated: bool,
}

impl Embedding {
    /// The embedding of a text of `tokens` tokens that was not truncated.
    pub fn new(embedding: Vec<f32>, tokens: u64) -> Self {
        Self { embedding, tokens, truncated: false }
    }

    /// The cosine similarity to `other`, which is 1 for the same direction. It is meaningless for vectors of different models.
    ///
    /// ```
    /// use amaas_wire::task::Embedding;
    ///
    /// let (a, b) = (Embedding::new(vec![1.0, 0.0], 3), Embedding::new(vec![0.6, 0.8], 3));
    /// assert!((a.similarity(&b) - 0.6).abs() < 1e-6);
    /// ```
    pub fn similarity(&self, other: &Self) -> f32 {
        self.embedding.iter().zip(&other.embedding).map(|(one, other)| one * other).sum()
    }
}
