//! Sound files to samples of one channel, for the functions that read sounds: [`decode`], within bounds, then [`Sound::resampled`].

mod decode;
mod error;
mod flac;
mod limits;
mod mono;
mod mp3;
mod resample;
mod sound;
mod vorbis;
mod vorbis_setup;
mod wav;

pub use self::decode::decode;
pub use self::error::AudioDecodeError;
pub use self::limits::{MAX_CHANNELS, MAX_FRAMES, MAX_MEMORY_BYTES, MAX_RATE, MAX_SECONDS, MIN_RATE};
pub use self::sound::Sound;
