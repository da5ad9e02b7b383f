//! Parameters and predictions of the pipeline `automatic-speech-recognition`.

use serde::{Deserialize, Serialize};

use super::Timestamps;

/// The parameters of `automatic-speech-recognition`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct SpeechRecognitionParameters {
    /// The parts of the text that get timestamps; none by default.
    #[serde(default, skip_serializing_if = "Timestamps::is_none")]
    pub return_timestamps: Timestamps,
    /// The length of the windows that the sound is cut into, in seconds; 0, the default, for one window of the whole sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0)))]
    pub chunk_length_s: Option<f64>,
    /// The overlap of a window with the ones before and after it, in seconds; by default a sixth of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride_length_s: Option<StrideLength>,
}

impl SpeechRecognitionParameters {
    /// Sets the parts of the text that get timestamps.
    #[must_use]
    pub fn return_timestamps(self, parts: Timestamps) -> Self {
        Self { return_timestamps: parts, ..self }
    }

    /// Sets the length of the windows, in seconds.
    #[must_use]
    pub fn chunk_length_s(self, seconds: f64) -> Self {
        Self { chunk_length_s: Some(seconds), ..self }
    }

    /// Sets the overlap of windows.
    #[must_use]
    pub fn stride_length_s(self, overlap: StrideLength) -> Self {
        Self { stride_length_s: Some(overlap), ..self }
    }
}

/// The overlap of windows, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum StrideLength {
    /// The same on both sides.
    Both(f64),
    /// Left and right.
    LeftAndRight([f64; 2]),
}

impl StrideLength {
    /// The overlaps on the left and on the right.
    pub fn left_and_right(self) -> [f64; 2] {
        match self {
            Self::Both(length) => [length; 2],
            Self::LeftAndRight(lengths) => lengths,
        }
    }
}

/// A prediction of the pipeline `automatic-speech-recognition`: what was said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct SpeechTranscript {
    /// The recognised text.
    pub text: String,
    /// Its parts, if the call asks for timestamps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<Vec<SpeechChunk>>,
}

impl SpeechTranscript {
    /// A text, with its parts if there are any.
    pub fn new(text: impl Into<String>, chunks: Option<Vec<SpeechChunk>>) -> Self {
        Self { text: text.into(), chunks }
    }
}

/// A part of a [`SpeechTranscript`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct SpeechChunk {
    /// The text of the part.
    pub text: String,
    /// Its start and end, in seconds.
    pub timestamp: [f64; 2],
}

impl SpeechChunk {
    /// A part of a text, from `start` to `end` seconds.
    pub fn new(text: impl Into<String>, start: f64, end: f64) -> Self {
        Self { text: text.into(), timestamp: [start, end] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str) -> Result<SpeechRecognitionParameters, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn parameters_are_as_in_transformers() {
        assert_eq!(parameters("{}").expect("none"), SpeechRecognitionParameters::default());
        let got = parameters(r#"{"return_timestamps":"char","chunk_length_s":10,"stride_length_s":[4,2.5]}"#);
        let got = got.expect("all of them");
        assert_eq!((got.return_timestamps, got.chunk_length_s), (Timestamps::Characters, Some(10.0)));
        assert_eq!(got.stride_length_s.map(StrideLength::left_and_right), Some([4.0, 2.5]));
        let got = parameters(r#"{"stride_length_s":3}"#).expect("one");
        assert_eq!(got.stride_length_s.map(StrideLength::left_and_right), Some([3.0, 3.0]));
        let error = parameters(r#"{"return_timestamps":"vowel"}"#).expect_err("no unit").to_string();
        assert!(error.starts_with("invalid value: other text, expected a boolean, \"char\" or \"word\""), "{error}");
        assert!(parameters(r#"{"stride_length_s":[1]}"#).is_err());
        let error = parameters(r#"{"generation_parameters":{}}"#).expect_err("not of CTC").to_string();
        assert!(error.starts_with("unknown field `generation_parameters`"), "{error}");
    }

    #[test]
    fn a_transcript_has_chunks_if_they_were_asked_for() {
        let json = |transcript: &SpeechTranscript| serde_json::to_string(transcript).expect("JSON");
        assert_eq!(json(&SpeechTranscript::new("A B", None)), r#"{"text":"A B"}"#);
        let chunks = vec![SpeechChunk::new("A", 0.0, 0.5)];
        let expected = r#"{"text":"A","chunks":[{"text":"A","timestamp":[0.0,0.5]}]}"#;
        assert_eq!(json(&SpeechTranscript::new("A", Some(chunks))), expected);
    }
}
