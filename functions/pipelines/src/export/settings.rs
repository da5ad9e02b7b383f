//! What the publisher chose beside the export's own files: the asset `pipeline.json`.

use amaas_model::task::{Assets, TaskError};
use serde::{Deserialize, Serialize};

/// The settings of a pipeline that override the export's own files. `amaas publish` writes them as the asset
/// [`FILE`](Self::FILE).
///
/// ```
/// use amaas_pipelines::export::{PipelineSettings, Pooling};
///
/// let settings: PipelineSettings = serde_json::from_str(r#"{"pooling":"cls","max_length":128}"#).expect("settings");
/// assert_eq!((settings.pooling, settings.max_length), (Some(Pooling::Cls), Some(128)));
/// assert!(serde_json::from_str::<PipelineSettings>(r#"{"poling":"cls"}"#).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineSettings {
    /// How the vectors of a text's tokens become one vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Whether vectors are normalised to length 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// The maximum number of tokens of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The labels of the classes, in the order of their indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

/// How the vectors of a text's tokens become one vector. The names are those of sentence-transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The vector of the first token.
    Cls,
    /// The mean over the tokens.
    Mean,
    /// The largest value of each dimension.
    Max,
    /// The sum over the tokens, divided by the square root of their number.
    MeanSqrtLen,
    /// The mean weighted by position, 1 for the first token.
    WeightedMean,
    /// The vector of the last token.
    LastToken,
    /// No pooling: the vector of every token.
    None,
}

impl PipelineSettings {
    /// The name of the asset.
    pub const FILE: &'static str = "pipeline.json";

    /// Reads the settings; none if the publisher chose none.
    ///
    /// # Errors
    /// If the asset is malformed.
    pub fn read(assets: &Assets) -> Result<Self, TaskError> {
        let Ok(bytes) = assets.bytes(Self::FILE) else { return Ok(Self::default()) };
        serde_json::from_slice(bytes).map_err(|error| TaskError::new(format!("{}: {error}", Self::FILE)))
    }

    /// The asset.
    #[cfg(feature = "publish")]
    pub(crate) fn to_json(&self) -> bytes::Bytes {
        serde_json::to_vec(self).expect("settings are JSON").into()
    }
}
