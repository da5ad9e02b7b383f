//! Parameters and predictions of `fill-mask`.

use serde::{Deserialize, Serialize};

/// The parameters of `fill-mask`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct FillMaskParameters {
    /// The number of tokens for each mask; 5 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// The only tokens to consider. A word that is not a token counts as its first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    /// Whether a text that is too long is cut; by default it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<bool>,
}

impl FillMaskParameters {
    /// Sets the number of tokens for each mask.
    #[must_use]
    pub fn top_k(self, top_k: usize) -> Self {
        Self { top_k: Some(top_k), ..self }
    }

    /// Sets the only tokens to consider.
    #[must_use]
    pub fn targets(self, targets: Vec<String>) -> Self {
        Self { targets: Some(targets), ..self }
    }

    /// Sets whether a text that is too long is cut.
    #[must_use]
    pub fn truncation(self, truncation: bool) -> Self {
        Self { truncation: Some(truncation), ..self }
    }
}

/// A token in place of a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct FilledMask {
    /// The text with the token in place of the mask.
    pub sequence: String,
    /// The probability of the token.
    pub score: f32,
    /// The id of the token.
    pub token: u32,
    /// The token as text.
    pub token_str: String,
}

/// The tokens for the mask of a text, most probable first; a list for each mask if there are several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum FilledMasks {
    /// The text has one mask.
    One(Vec<FilledMask>),
    /// The text has several masks.
    Several(Vec<Vec<FilledMask>>),
}
