//! Parameters and predictions of text recognition in images.

use serde::{Deserialize, Serialize};

/// The parameters of `text-recognition`.
///
/// ```
/// use amaas_wire::pipeline::TextRecognitionParameters;
///
/// let parameters = TextRecognitionParameters::default().threshold(0.75);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"threshold":0.75}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TextRecognitionParameters {
    /// The lowest score of a line in the answer, from 0 to 1. By default 0.5 if the model has a detector, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

impl TextRecognitionParameters {
    /// Sets the lowest score of a line in the answer.
    #[must_use]
    pub fn threshold(self, threshold: f32) -> Self {
        Self { threshold: Some(threshold) }
    }
}

/// A line of text in an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct RecognizedText {
    /// The text.
    pub text: String,
    /// The mean probability of its characters.
    pub score: f32,
    /// The corners of the box around the line, as `[x, y]` in pixels of the image, clockwise from the top left.
    #[serde(rename = "box")]
    pub corners: [[f32; 2]; 4],
}

impl RecognizedText {
    /// A line of text with its score and the corners of its box.
    pub fn new(text: impl Into<String>, score: f32, corners: [[f32; 2]; 4]) -> Self {
        Self { text: text.into(), score, corners }
    }
}
