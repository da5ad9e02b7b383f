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
}

/// A window of a sound: its samples, and how many at either end belong to other windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The samples.
    pub samples: Range<usize>,
    left: usize,
    right: usize,
}

/// Lengths that sounds cannot be cut by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowingError {
    /// The parameter at fault.
    pub parameter: &'static str,
    /// What was expected and got.
    pub message: String,
}

impl Windowing {
    /// The windows that `parameters` ask for; `None` for one window of the whole sound. `rate` is in hertz.
    ///
    /// # Errors
    /// If lengths are negative, the overlaps are as long as the window, or a window has no frame.
    pub fn of(
        parameters: &SpeechRecognitionParameters,
        (rate, frames): (u32, FrameRate),
    ) -> Result<Option<Self>, WindowingError> {
        let samples_per_frame = frames.samples_per_frame;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded below
        let samples = |parameter: &'static str, seconds: f64| {
            if !(0.0..=MAX_SECONDS).contains(&seconds) {
                let message = format!("expected 0 to {MAX_SECONDS} seconds, got another number");
                return Err(WindowingError { parameter, message });
            }
            let aligned = (seconds * f64::from(rate) / samples_per_frame as f64).round_ties_even();
            Ok(aligned as usize * samples_per_frame)
        };
        let seconds = parameters.chunk_length_s.unwrap_or(0.0);
        let length = samples("chunk_length_s", seconds)?;
        let strides =
            parameters.stride_length_s.map_or([seconds / 6.0; 2], amaas_wire::pipeline::StrideLength::left_and_right);
        let (left, right) = (samples("stride_length_s", strides[0])?, samples("stride_length_s", strides[1])?);
        if seconds == 0.0 {
            return Ok(None);
        }
        if length < frames.min_samples {
            let message = format!("expected at least {} samples at {rate} Hz, got {length}", frames.min_samples);
            return Err(WindowingError { parameter: "chunk_length_s", message });
        }
        if left + right >= length {
            let message = "expected overlaps that are shorter together than chunk_length_s, got longer ones".to_owned();
            return Err(WindowingError { parameter: "stride_length_s", message });
        }
        Ok(Some(Self { length, left, right }))
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
                windows.push(Window { samples, left, right });
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
        Self { samples: 0..count, left: 0, right: 0 }
    }

    /// Which of the `count` frames that the network gave for the window are its own: not those of padding or of the overlap.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // numbers of frames
    pub fn own_frames(&self, count: usize, rate: FrameRate) -> Range<usize> {
        let count = count.min(rate.frames(self.samples.len()));
        if (self.left, self.right) == (0, 0) {
            return 0..count;
        }
        let round = |frames: f64| frames.round_ties_even() as usize;
        let samples = self.samples.len() as f64;
        // Cut as `transformers` cuts: by the frames that there would be without the edges of the convolutions.
        let all = round(samples / rate.samples_per_frame as f64);
        let cut = |overlap: usize| round(overlap as f64 / samples * all as f64);
        let end = all.saturating_sub(cut(self.right)).min(count);
        cut(self.left).min(end)..end
    }
}

/// More than any sound has.
const MAX_SECONDS: f64 = 3600.0;

#[cfg(test)]
mod tests {
    use amaas_wire::pipeline::StrideLength;

    use super::*;

    const FRAMES: FrameRate = FrameRate { min_samples: 400, samples_per_frame: 320 };
    const RATE: u32 = 16_000;

    fn windowing(seconds: f64, strides: Option<[f64; 2]>) -> Result<Option<Windowing>, WindowingError> {
        let mut parameters = SpeechRecognitionParameters::default().chunk_length_s(seconds);
        parameters.stride_length_s = strides.map(StrideLength::LeftAndRight);
        Windowing::of(&parameters, (RATE, FRAMES))
    }

    /// Start and samples of a window, and the first and the number of its own frames.
    type Told = (usize, usize, usize, usize);

    /// Samples of a sound, seconds of a window and of its overlaps, and the windows.
    type Case<'w> = (usize, f64, Option<[f64; 2]>, &'w [Told]);

    #[test]
    fn windows_are_those_of_transformers() {
        // `chunk_iter` and `rescale_stride` of transformers 4.41.
        let cases: [Case; 7] = [
            (
                160_000,
                4.0,
                None,
                &[(0, 64_000, 0, 167), (42_880, 64_000, 33, 134), (85_760, 64_000, 33, 134), (128_640, 31_360, 33, 64)],
            ),
            (
                160_000,
                4.0,
                Some([1.0, 0.5]),
                &[(0, 64_000, 0, 175), (40_000, 64_000, 50, 125), (80_000, 64_000, 50, 125), (120_000, 40_000, 50, 74)],
            ),
            (50_000, 2.0, Some([0.0, 0.0]), &[(0, 32_000, 0, 99), (32_000, 18_000, 0, 56)]),
            (64_000, 2.0, None, &[(0, 32_000, 0, 83), (21_120, 32_000, 17, 66), (42_240, 21_760, 17, 50)]),
            (16_000, 4.0, None, &[(0, 16_000, 0, 49)]),
            (
                100_123,
                3.3,
                Some([0.7, 0.2]),
                &[(0, 52_800, 0, 155), (38_400, 52_800, 35, 120), (76_800, 23_323, 35, 37)],
            ),
            (
                48_000,
                1.0,
                Some([0.25, 0.25]),
                &[
                    (0, 16_000, 0, 38),
                    (8320, 16_000, 12, 26),
                    (16_640, 16_000, 12, 26),
                    (24_960, 16_000, 12, 26),
                    (33_280, 14_720, 12, 33),
                ],
            ),
        ];
        for (count, seconds, strides, expected) in cases {
            let windowing = windowing(seconds, strides).expect("valid").expect("windows");
            let told = |window: Window| {
                let own = window.own_frames(FRAMES.frames(window.samples.len()), FRAMES);
                (window.samples.start, window.samples.len(), own.start, own.len())
            };
            let got: Vec<Told> = windowing.windows(count).into_iter().map(told).collect();
            assert_eq!(got, expected, "{count} {seconds} {strides:?}");
        }
    }

    #[test]
    fn frames_of_padding_are_not_a_window_s_own() {
        assert_eq!(Window::whole(720).own_frames(49, FRAMES), 0..2);
        assert_eq!(Window::whole(719).own_frames(1, FRAMES), 0..1);
    }

    #[test]
    fn windows_without_sound_of_their_own_are_refused() {
        assert_eq!(windowing(0.0, None), Ok(None));
        for (seconds, strides, expected) in [
            (0.01, None, "chunk_length_s: expected at least 400 samples at 16000 Hz, got 0"),
            (1.0, Some([0.5, 0.5]), "stride_length_s: expected overlaps that are shorter together than chunk_length_s"),
            (-1.0, Some([0.0, 0.0]), "chunk_length_s: expected 0 to 3600 seconds"),
            (f64::NAN, Some([0.0, 0.0]), "chunk_length_s: expected 0 to 3600 seconds"),
            (1.0, Some([-1.0, 0.0]), "stride_length_s: expected 0 to 3600 seconds"),
            (1e300, None, "chunk_length_s: expected 0 to 3600 seconds"),
        ] {
            let error = windowing(seconds, strides).expect_err(expected);
            let error = format!("{}: {}", error.parameter, error.message);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
