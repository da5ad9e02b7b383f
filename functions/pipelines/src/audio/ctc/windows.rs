//! Long sounds in windows that overlap: `chunk_length_s` and `stride_length_s`.

use std::ops::Range;

use amaas_wire::pipeline::SpeechRecognitionParameters;

use super::FrameRate;

/// How long sounds are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windowing {
    length: usize,
    left: usize,
    right: usize,
    samples_per_frame: usize,
}

/// A window of a sound: its samples, and how many of them at either end other windows tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The samples.
    pub samples: Range<usize>,
    left: usize,
    right: usize,
    samples_per_frame: usize,
}

impl Windowing {
    /// The windows that `parameters` ask for; `None` for one window of the whole sound. `rate` is in hertz.
    ///
    /// # Errors
    /// If lengths are negative, the overlaps are as long as the window, or a window has no frame.
    pub fn of(
        parameters: &SpeechRecognitionParameters,
        (rate, frames): (u32, FrameRate),
    ) -> Result<Option<Self>, String> {
        let samples_per_frame = frames.samples_per_frame;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded below
        let samples = |field: &str, seconds: f64| {
            if !(0.0..=MAX_SECONDS).contains(&seconds) {
                return Err(format!("{field}: expected 0 to {MAX_SECONDS} seconds, got another number"));
            }
            let aligned = (seconds * f64::from(rate) / samples_per_frame as f64).round_ties_even();
            Ok(aligned as usize * samples_per_frame)
        };
        let seconds = parameters.chunk_length_s.unwrap_or(0.0);
        let strides = parameters.stride_length_s.map_or([seconds / 6.0; 2], |stride| stride.left_and_right());
        let (left, right) = (samples("stride_length_s", strides[0])?, samples("stride_length_s", strides[1])?);
        let length = samples("chunk_length_s", seconds)?;
        if seconds == 0.0 {
            return Ok(None);
        }
        if length < frames.min_samples {
            let least = frames.min_samples;
            return Err(format!("chunk_length_s: expected at least {least} samples at {rate} Hz, got {length}"));
        }
        if left + right >= length {
            return Err("stride_length_s: expected overlaps that are shorter together than chunk_length_s, got longer"
                .to_owned());
        }
        Ok(Some(Self { length, left, right, samples_per_frame }))
    }

    /// The windows of a sound of `count` samples.
    pub fn windows(&self, count: usize) -> Vec<Window> {
        let mut windows = Vec::new();
        for start in (0..count).step_by(self.length - self.left - self.right) {
            let end = start + self.length;
            let is_last = if self.right > 0 { end > count } else { end >= count };
            let samples = start..end.min(count);
            let left = if start == 0 { 0 } else { self.left };
            let right = if is_last { 0 } else { self.right };
            // What is left of the sound may be within the overlap of the window before.
            if samples.len() > left {
                windows.push(Window { samples, left, right, samples_per_frame: self.samples_per_frame });
            }
            if is_last {
                break;
            }
        }
        windows
    }
}

impl Window {
    /// The whole sound of `count` samples.
    pub fn whole(count: usize) -> Self {
        Self { samples: 0..count, left: 0, right: 0, samples_per_frame: 1 }
    }

    /// Which of the window's `frames` are its own.
    pub fn own_frames(&self, frames: usize) -> Range<usize> {
        if (self.left, self.right) == (0, 0) && self.samples_per_frame == 1 {
            return 0..frames;
        }
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // numbers of frames
        let round = |frames: f64| frames.round_ties_even() as usize;
        #[allow(clippy::cast_precision_loss)]
        let (samples, ratio) = (self.samples.len() as f64, 1.0 / self.samples_per_frame as f64);
        let count = round(samples * ratio);
        #[allow(clippy::cast_precision_loss)]
        let cut = |overlap: usize| round(overlap as f64 / samples * count as f64);
        let end = count.saturating_sub(cut(self.right)).min(frames);
        cut(self.left).min(end)..end
    }
}

/// More than any sound has.
const MAX_SECONDS: f64 = 3600.0;
