//! What turns a classifier's values into scores.

use serde::{Deserialize, Serialize};

/// What turns a classifier's values into scores: the parameter `function_to_apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ClassificationOutputTransform {
    /// Each value becomes a probability of its own.
    Sigmoid,
    /// All values together become probabilities, whose sum is 1.
    Softmax,
    /// The values remain as they are.
    None,
}
