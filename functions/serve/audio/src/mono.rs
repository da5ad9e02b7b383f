//! Mixing channels to one, within the bounds.
//!
//! The mean of all channels counts equally. For one and two channels that is what `ffmpeg -ac 1` does, which `transformers` calls; for
//! surround sound ffmpeg weights front and rear channels by their layout. transformers.js scales stereo by the square root of 2 instead.

use crate::limits::{MAX_CHANNELS, MAX_FRAMES, MAX_SAMPLES, MAX_SECONDS, RATES};
use crate::{AudioDecodeError, Sound};

/// Takes interleaved samples, and keeps the mean of the channels.
pub(crate) struct MonoMixer {
    channels: u16,
    rate: u32,
    max_frames: usize,
    samples: Vec<f32>,
    /// The samples so far of the current frame.
    sum: f32,
    summed: u16,
}

impl MonoMixer {
    /// A mixer for a file whose header says that it has `channels` at `rate` hertz.
    ///
    /// # Errors
    /// If they are out of bounds.
    pub(crate) fn new(channels: u32, rate: u32) -> Result<Self, AudioDecodeError> {
        let of_file = channels;
        let channels = u16::try_from(channels).ok().filter(|channels| (1..=MAX_CHANNELS).contains(channels));
        let channels = channels.ok_or(AudioDecodeError::Channels(of_file))?;
        if !RATES.contains(&rate) {
            return Err(AudioDecodeError::Rate(rate));
        }
        let in_time = usize::try_from(u64::from(rate) * u64::from(MAX_SECONDS)).unwrap_or(usize::MAX);
        let max_frames = in_time.min(MAX_FRAMES).min(MAX_SAMPLES / usize::from(channels));
        Ok(Self { channels, rate, max_frames, samples: Vec::new(), sum: 0.0, summed: 0 })
    }

    /// Checks the number of samples a channel that the file's header claims, before any is decoded.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn expect(&self, frames: u64) -> Result<(), AudioDecodeError> {
        let fits = usize::try_from(frames).is_ok_and(|frames| frames <= self.max_frames);
        if fits { Ok(()) } else { Err(AudioDecodeError::TooLong) }
    }

    /// Takes the next sample: those of all channels, then those of the next frame.
    ///
    /// # Errors
    /// If it is one too many.
    pub(crate) fn push(&mut self, sample: f32) -> Result<(), AudioDecodeError> {
        self.sum += sample;
        self.summed += 1;
        if self.summed < self.channels {
            return Ok(());
        }
        if self.samples.len() == self.max_frames {
            return Err(AudioDecodeError::TooLong);
        }
        self.samples.push(self.sum / f32::from(self.channels));
        (self.sum, self.summed) = (0.0, 0);
        Ok(())
    }

    /// Samples a channel so far.
    pub(crate) fn frames(&self) -> usize {
        self.samples.len()
    }

    /// The mixed sound. A frame that lacks channels is dropped.
    ///
    /// # Errors
    /// If it has no samples, or one is not finite.
    pub(crate) fn finish(self) -> Result<Sound, AudioDecodeError> {
        Sound::new(self.samples, self.rate)
    }
}
