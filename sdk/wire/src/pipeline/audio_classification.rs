//! Parameters of the pipeline `audio-classification`.

use serde::{Deserialize, Serialize};

use super::ClassificationOutputTransform;

/// Parameters of the pipeline `audio-classification`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct AudioClassificationParameters {
    /// What turns the network's values into scores; softmax if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_to_apply: Option<ClassificationOutputTransform>,
    /// The most labels of a prediction, those with the highest scores; 5 if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub top_k: Option<usize>,
}
