//! Parameters of text classification.

use serde::{Deserialize, Serialize};

use super::FunctionToApply;

/// The parameters of `text-classification`.
///
/// ```
/// use amaas_wire::pipeline::TextClassificationParameters;
///
/// let parameters = TextClassificationParameters::default().top_k(2).truncation(true);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"top_k":2,"truncation":true}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TextClassificationParameters {
    /// The function that makes scores of logits; by default what the model's configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_to_apply: Option<FunctionToApply>,
    /// The number of most probable classes in the answer; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// Whether a text that is too long is cut; by default it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<bool>,
}

impl TextClassificationParameters {
    /// Sets the function that makes scores of logits.
    #[must_use]
    pub fn function_to_apply(self, function: FunctionToApply) -> Self {
        Self { function_to_apply: Some(function), ..self }
    }

    /// Sets the number of classes in the answer.
    #[must_use]
    pub fn top_k(self, classes: usize) -> Self {
        Self { top_k: Some(classes), ..self }
    }

    /// Sets whether a text that is too long is cut.
    #[must_use]
    pub fn truncation(self, truncation: bool) -> Self {
        Self { truncation: Some(truncation), ..self }
    }
}
