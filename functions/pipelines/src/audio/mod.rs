//! Pipelines that read sounds.

pub mod ctc;
pub mod features;

mod classification;
mod network;
mod recognition;
mod runs;
mod sounds;

pub use self::classification::AudioClassification;
pub use self::network::{AudioNetwork, SoundOutput};
pub use self::recognition::SpeechRecognition;
