//! Parameters of image classification.

use serde::{Deserialize, Serialize};

use super::FunctionToApply;

/// The parameters of `image-classification`.
///
/// ```
/// use amaas_wire::pipeline::ImageClassificationParameters;
///
/// let parameters = ImageClassificationParameters::default().top_k(2);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"top_k":2}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ImageClassificationParameters {
    /// The function that makes scores of logits; by default what the model's configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_to_apply: Option<FunctionToApply>,
    /// The number of most probable classes in the answer; 5 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
}

impl ImageClassificationParameters {
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
}
