//! Parameters and predictions of image feature extraction.

use serde::{Deserialize, Serialize};

/// The parameters of `image-feature-extraction`.
///
/// ```
/// use amaas_wire::pipeline::ImageFeatureExtractionParameters;
///
/// let parameters = ImageFeatureExtractionParameters::default().pool(true);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"pool":true}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ImageFeatureExtractionParameters {
    /// Whether the answer is the network's pooled output, one vector for the image (`pooler_output` or `image_embeds`). By default it is
    /// the network's first output, such as one vector for each patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<bool>,
}

impl ImageFeatureExtractionParameters {
    /// Sets whether the answer is the pooled output.
    #[must_use]
    pub fn pool(self, pool: bool) -> Self {
        Self { pool: Some(pool) }
    }
}

/// The features of an image: the network's output for it, without the batch.
///
/// ```
/// use amaas_wire::pipeline::ImageFeatures;
///
/// let features: ImageFeatures = serde_json::from_str("[[1.0,2.0],[3.0,4.0]]")?;
/// assert_eq!(features, ImageFeatures::Matrix(vec![vec![1.0, 2.0], vec![3.0, 4.0]]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum ImageFeatures {
    /// One vector.
    Vector(Vec<f32>),
    /// A vector for each patch.
    Matrix(Vec<Vec<f32>>),
    /// `[channels, height, width]`.
    Map(Vec<Vec<Vec<f32>>>),
}
