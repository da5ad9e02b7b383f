//! The function from logits to scores.

use serde::{Deserialize, Serialize};

/// The function that makes scores of a classifier's logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum FunctionToApply {
    /// A probability for each class of its own: 0 to 1.
    Sigmoid,
    /// Probabilities that add up to 1.
    Softmax,
    /// None: the logits.
    None,
}
