//! The value of each level of a channel, after rescaling and normalisation.

/// The values of the levels 0 to 255 of red, green and blue.
#[derive(Clone, PartialEq)]
pub(super) struct LevelValues([[f32; 256]; 3]);

/// What is done with a level, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LevelSteps {
    /// The factor of levels.
    pub(super) scale: Option<f64>,
    /// Whether 1 is subtracted then.
    pub(super) offset: bool,
    /// Mean and deviation.
    pub(super) normalisation: Option<([f64; 3], [f64; 3])>,
    /// A divisor of the result, as `EfficientNet`'s top expects.
    pub(super) divisor: Option<[f64; 3]>,
}

impl LevelValues {
    // Python computes in FP64 and FP32 in the same places.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn new(steps: LevelSteps) -> Self {
        let value = |channel: usize, level: u8| {
            let mut value = steps.scale.map_or(f32::from(level), |scale| (f64::from(level) * scale) as f32);
            if steps.scale.is_some() && steps.offset {
                value -= 1.0;
            }
            if let Some((mean, deviation)) = steps.normalisation {
                value = (value - mean[channel] as f32) / deviation[channel] as f32;
            }
            if let Some(divisor) = steps.divisor {
                value /= divisor[channel] as f32;
            }
            value
        };
        Self([0, 1, 2].map(|channel| {
            let mut values = [0.0; 256];
            for (slot, level) in values.iter_mut().zip(0..=u8::MAX) {
                *slot = value(channel, level);
            }
            values
        }))
    }

    pub(super) fn get(&self, channel: usize, level: u8) -> f32 {
        self.0[channel][usize::from(level)]
    }
}

impl std::fmt::Debug for LevelValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ends = self.0.map(|values| [values[0], values[255]]);
        f.debug_tuple("LevelValues").field(&ends).finish()
    }
}
