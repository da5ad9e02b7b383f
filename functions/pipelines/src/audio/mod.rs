//! Pipelines that read sounds.

pub mod ctc;
pub mod features;

mod network;
mod scores;

pub use self::network::{AudioNetwork, SoundOutput};
pub use self::scores::scored;
