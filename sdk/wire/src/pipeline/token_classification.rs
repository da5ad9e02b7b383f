//! Parameters and predictions of token classification.

use serde::{Deserialize, Serialize};

/// How the labels of tokens become entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum AggregationStrategy {
    /// Every token is an entity.
    #[default]
    None,
    /// Adjacent tokens of one label are an entity.
    Simple,
    /// As `simple`, but a word has the label of its first token.
    First,
    /// As `simple`, but a word has the label with the highest mean score over its tokens.
    Average,
    /// As `simple`, but a word has the label of its token with the highest score.
    Max,
}

/// The parameters of `token-classification`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TokenClassificationParameters {
    /// How the labels of tokens become entities; `none` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation_strategy: Option<AggregationStrategy>,
    /// Labels that are left out of the answer; `O` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_labels: Option<Vec<String>>,
    /// A long text is read in windows that overlap by this number of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Whether a text that is too long is cut; by default it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<bool>,
}

impl TokenClassificationParameters {
    /// Sets how the labels of tokens become entities.
    #[must_use]
    pub fn aggregation_strategy(self, aggregation_strategy: AggregationStrategy) -> Self {
        Self { aggregation_strategy: Some(aggregation_strategy), ..self }
    }

    /// Sets the labels that are left out of the answer.
    #[must_use]
    pub fn ignore_labels(self, ignore_labels: Vec<String>) -> Self {
        Self { ignore_labels: Some(ignore_labels), ..self }
    }

    /// Sets the overlap of windows, in tokens.
    #[must_use]
    pub fn stride(self, stride: usize) -> Self {
        Self { stride: Some(stride), ..self }
    }

    /// Sets whether a text that is too long is cut.
    #[must_use]
    pub fn truncation(self, truncation: bool) -> Self {
        Self { truncation: Some(truncation), ..self }
    }
}

/// An entity of a text, or a token if entities are not aggregated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TokenEntity {
    /// The label of the entity, without `B-` and `I-`; only if entities are aggregated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_group: Option<String>,
    /// The label of the token; only if entities are not aggregated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The probability of the label.
    pub score: f32,
    /// The tokens as text. The text itself is that from `start` to `end`.
    pub word: String,
    /// The first character of the entity in the text. Characters are Unicode code points.
    pub start: usize,
    /// The end of the entity in the text, exclusive.
    pub end: usize,
}

impl TokenEntity {
    /// The label of the entity or the token.
    pub fn label(&self) -> &str {
        self.entity_group.as_deref().or(self.entity.as_deref()).unwrap_or_default()
    }
}
