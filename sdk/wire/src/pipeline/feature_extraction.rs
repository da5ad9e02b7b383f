//! Parameters and predictions of feature extraction.

use serde::{Deserialize, Serialize};

/// The parameters of `feature-extraction`.
///
/// ```
/// use amaas_wire::pipeline::FeatureExtractionParameters;
///
/// let parameters = FeatureExtractionParameters::default().normalize(true).prompt_name("query");
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"normalize":true,"prompt_name":"query"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct FeatureExtractionParameters {
    /// Whether vectors are normalised to length 1; by default what the export says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// The name of a prompt of the export, which is put before each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
    /// Whether a text that is too long is cut, which is the default; `false` refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<bool>,
    /// The first values of each vector that are kept, for models that were trained for that (Matryoshka).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

impl FeatureExtractionParameters {
    /// Sets whether vectors are normalised to length 1.
    #[must_use]
    pub fn normalize(self, normalize: bool) -> Self {
        Self { normalize: Some(normalize), ..self }
    }

    /// Sets the name of a prompt of the export.
    #[must_use]
    pub fn prompt_name(self, name: impl Into<String>) -> Self {
        Self { prompt_name: Some(name.into()), ..self }
    }

    /// Sets whether a text that is too long is cut.
    #[must_use]
    pub fn truncate(self, truncate: bool) -> Self {
        Self { truncate: Some(truncate), ..self }
    }

    /// Sets the number of values of each vector that are kept.
    #[must_use]
    pub fn dimensions(self, dimensions: usize) -> Self {
        Self { dimensions: Some(dimensions), ..self }
    }
}

/// The features of a text: one vector, or one for each token if the export has no pooling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum Features {
    /// The vector of the text.
    Pooled(Vec<f32>),
    /// A vector for each token, special tokens included.
    Tokens(Vec<Vec<f32>>),
}

impl Features {
    /// The vector of the text, if there is one for all its tokens.
    pub fn pooled(&self) -> Option<&[f32]> {
        if let Self::Pooled(vector) = self { Some(vector) } else { None }
    }
}
