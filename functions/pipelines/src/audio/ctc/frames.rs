//! Samples and frames of a convolutional feature encoder.

use amaas_model::task::TaskError;

use crate::audio::features::FeatureExtractor;
use crate::export::ConfigFile;

/// How many samples a network needs, and how many there are from frame to frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    /// The fewest samples that give a frame.
    pub min_samples: usize,
    /// Samples from frame to frame: `inputs_to_logits_ratio` in `transformers`.
    pub samples_per_frame: usize,
}

impl FrameRate {
    /// The frames of a network whose `config.json` is `config`.
    ///
    /// # Errors
    /// If its convolutions have no kernels or strides, or are out of bounds.
    pub fn of(config: &ConfigFile, extractor: &FeatureExtractor) -> Result<Self, TaskError> {
        if let FeatureExtractor::Seamless(extractor) = extractor {
            let (min_samples, samples_per_frame) = extractor.samples_per_frame();
            return Ok(Self { min_samples, samples_per_frame });
        }
        let strides = layers(config, "conv_stride", &[5, 2, 2, 2, 2, 2, 2])?;
        let kernels = layers(config, "conv_kernel", &[10, 3, 3, 3, 3, 2, 2])?;
        if strides.len() != kernels.len() {
            let (expected, got) = (kernels.len(), strides.len());
            return Err(
                config.error("conv_stride", format!("expected {expected} numbers, as in conv_kernel, got {got}"))
            );
        }
        let samples_per_frame = strides.iter().try_fold(1_usize, |all, stride| all.checked_mul(*stride));
        let min_samples = strides
            .iter()
            .zip(&kernels)
            .rev()
            .try_fold(1_usize, |needed, (stride, kernel)| (needed - 1).checked_mul(*stride)?.checked_add(*kernel));
        let bounded = |samples: Option<usize>| samples.filter(|samples| *samples <= MAX_SAMPLES);
        match (bounded(min_samples), bounded(samples_per_frame)) {
            (Some(min_samples), Some(samples_per_frame)) => Ok(Self { min_samples, samples_per_frame }),
            _ => {
                Err(config.error("conv_stride", format!("expected frames of at most {MAX_SAMPLES} samples, got more")))
            }
        }
    }
}

impl FrameRate {
    /// The frames of a sound of `samples`.
    pub fn frames(&self, samples: usize) -> usize {
        samples.checked_sub(self.min_samples).map_or(0, |rest| rest / self.samples_per_frame + 1)
    }
}

/// The positive numbers in `field`, one a layer; `default` if there are none.
fn layers(config: &ConfigFile, field: &str, default: &[usize]) -> Result<Vec<usize>, TaskError> {
    let layers = config.optional::<Vec<usize>>(field)?.unwrap_or_else(|| default.to_vec());
    if layers.is_empty() || layers.contains(&0) {
        return Err(config.error(field, "expected a list of positive numbers"));
    }
    Ok(layers)
}

/// A minute at 16 kHz.
const MAX_SAMPLES: usize = 960_000;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn frames(config: &Value) -> Result<FrameRate, String> {
        let parse = |name, json: &Value| ConfigFile::parse(name, json.to_string().as_bytes()).expect("an object");
        let extractor =
            parse("preprocessor_config.json", &json!({ "feature_extractor_type": "Wav2Vec2FeatureExtractor" }));
        let extractor = FeatureExtractor::of(&extractor).expect("an extractor");
        FrameRate::of(&parse("config.json", config), &extractor).map_err(|error| error.to_string())
    }

    #[test]
    fn frames_are_those_of_the_convolutions() {
        let default = frames(&json!({})).expect("the default");
        assert_eq!(default, FrameRate { min_samples: 400, samples_per_frame: 320 });
        let mut samples = 16_000;
        for (kernel, stride) in [10, 3, 3, 3, 3, 2, 2].into_iter().zip([5, 2, 2, 2, 2, 2, 2]) {
            samples = (samples - kernel) / stride + 1;
        }
        assert_eq!((default.frames(16_000), default.frames(400), default.frames(399)), (samples, 1, 0));
        let one = frames(&json!({ "conv_kernel": [4], "conv_stride": [2] })).expect("one layer");
        assert_eq!(one, FrameRate { min_samples: 4, samples_per_frame: 2 });
    }

    #[test]
    fn convolutions_without_frames_are_refused() {
        for (config, expected) in [
            (json!({ "conv_stride": [5] }), "config.json: conv_stride: expected 7 numbers, as in conv_kernel, got 1"),
            (json!({ "conv_stride": [] }), "config.json: conv_stride: expected a list of positive numbers"),
            (
                json!({ "conv_kernel": [1, 1], "conv_stride": [1_000_000, 1_000_000] }),
                "config.json: conv_stride: expected frames of at most 960000 samples, got more",
            ),
        ] {
            assert_eq!(frames(&config).expect_err(expected), expected);
        }
    }
}
