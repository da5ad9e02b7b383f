//! Why a sound file is refused.

use crate::limits::{MAX_CHANNELS, MAX_FRAMES, MAX_RATE, MAX_SAMPLES, MAX_SECONDS, MIN_RATE};

/// Why a file is refused; never contains data of the file but the numbers of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioDecodeError {
    /// Its first bytes are of no known format.
    #[error("expected a WAV, FLAC, MP3 or Ogg Vorbis file, got something else")]
    Format,
    /// It has a known format that is not decoded.
    #[error("expected a WAV, FLAC, MP3 or Ogg Vorbis file, got {0}, which is not supported")]
    Unsupported(&'static str),
    /// Samples that are not decoded.
    #[error("expected {expected}, got another encoding of the samples")]
    Encoding {
        /// The encodings that are decoded.
        expected: &'static str,
    },
    /// It is damaged, or shorter than its header says.
    #[error("expected a whole {0} file, got one that is damaged or cut short")]
    Damaged(&'static str),
    /// It has no samples.
    #[error("expected a sound of at least one sample, got none")]
    Empty,
    /// Its sampling rate is out of bounds.
    #[error("expected a sampling rate of {MIN_RATE} to {MAX_RATE} Hz, got {0}")]
    Rate(u32),
    /// Its number of channels is out of bounds.
    #[error("expected 1 to {MAX_CHANNELS} channels, got {0}")]
    Channels(u32),
    /// It exceeds the limits on its length.
    #[error(
        "expected at most {MAX_SECONDS} seconds, {MAX_FRAMES} samples a channel and {MAX_SAMPLES} samples in all, got more"
    )]
    TooLong,
    /// A sample is infinite or not a number.
    #[error("expected samples that are finite numbers, got one that is not")]
    NotFinite,
}
