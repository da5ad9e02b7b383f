//! The bounds on a sound file.

use std::ops::RangeInclusive;

/// The longest sound, in seconds.
pub const MAX_SECONDS: u32 = 600;
/// The most samples a channel: [`MAX_SECONDS`] at 48 kHz.
pub const MAX_FRAMES: usize = 28_800_000;
/// The most channels: those of 7.1 surround sound.
pub const MAX_CHANNELS: u16 = 8;
/// The lowest sampling rate, in hertz.
pub const MIN_RATE: u32 = 2_000;
/// The highest sampling rate, in hertz.
pub const MAX_RATE: u32 = 384_000;
/// Bound on the memory of decoding and resampling one file: [`MAX_FRAMES`] samples before and after, both of four bytes, with a
/// vector that doubles as it grows, and the state of a decoder.
pub const MAX_MEMORY_BYTES: usize = 512 << 20;

pub(crate) const RATES: RangeInclusive<u32> = MIN_RATE..=MAX_RATE;
/// The most samples of all channels together, which bounds the CPU time: [`MAX_FRAMES`] in stereo.
pub(crate) const MAX_SAMPLES: usize = 2 * MAX_FRAMES;
