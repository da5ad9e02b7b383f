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
