//! Inputs, parameters and predictions of pipelines, as Hugging Face's task specifications name them.

mod audio;
mod audio_classification;
mod classification_output_transform;
mod label_score;
mod speech_recognition;
mod timestamps;

pub use self::audio::Audio;
pub use self::audio_classification::AudioClassificationParameters;
pub use self::classification_output_transform::ClassificationOutputTransform;
pub use self::label_score::LabelScore;
pub use self::speech_recognition::{SpeechChunk, SpeechRecognitionParameters, SpeechTranscript, StrideLength};
pub use self::timestamps::Timestamps;
