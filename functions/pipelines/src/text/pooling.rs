//! Pooling: the vectors of a text's tokens to one vector, as sentence-transformers does.

use crate::export::Pooling;

/// Vectors of tokens, `[tokens, width]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenVectors<'v> {
    pub(super) values: &'v [f32],
    pub(super) width: usize,
    /// The first tokens, which do not count: those of a prompt.
    pub(super) skipped: usize,
}

impl TokenVectors<'_> {
    /// The vectors of `modes`, one after another.
    pub(super) fn pool(self, modes: &[Pooling]) -> Vec<f32> {
        modes.iter().flat_map(|mode| self.pool_by(*mode)).collect()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // lengths are small, and vectors FP32
    fn pool_by(self, mode: Pooling) -> Vec<f32> {
        let count = (self.values.len() / self.width.max(1)).saturating_sub(self.skipped);
        let mut sum = vec![0_f64; self.width];
        let add = |sum: &mut [f64], weight: fn(usize) -> f64| {
            for (at, vector) in self.vectors().enumerate() {
                let weight = weight(at);
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * f64::from(*value));
            }
        };
        let divisor = match mode {
            Pooling::Cls => return self.vectors().next().unwrap_or_default().to_vec(),
            Pooling::LastToken => return self.vectors().last().unwrap_or_default().to_vec(),
            Pooling::None => return self.values.to_vec(),
            Pooling::Max => {
                let largest = |largest: Vec<f32>, vector: &[f32]| {
                    largest.into_iter().zip(vector).map(|(largest, value)| largest.max(*value)).collect()
                };
                return self.vectors().fold(vec![f32::NEG_INFINITY; self.width], largest);
            }
            Pooling::Mean => {
                add(&mut sum, |_| 1.0);
                count as f64
            }
            Pooling::MeanSqrtLen => {
                add(&mut sum, |_| 1.0);
                (count as f64).sqrt()
            }
            Pooling::WeightedMean => {
                add(&mut sum, |at| at as f64 + 1.0);
                (count * (count + 1)) as f64 / 2.0
            }
        };
        sum.into_iter().map(|sum| (sum / divisor.max(1e-9)) as f32).collect()
    }

    fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1)).skip(self.skipped)
    }
}

/// `vector` with length 1. The error says what is wrong with it.
#[allow(clippy::cast_possible_truncation)] // it is a number of 32 bits, divided
pub(super) fn normalised(vector: Vec<f32>) -> Result<Vec<f32>, &'static str> {
    let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if norm == 0.0 {
        return Err("the network gave a vector of length 0");
    }
    if (norm - 1.0).abs() <= 1e-6 {
        return Ok(vector);
    }
    Ok(vector.into_iter().map(|value| (f64::from(value) / norm) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_pools_the_tokens_that_count() {
        let vectors = TokenVectors { values: &[9.0, 9.0, 1.0, -4.0, 3.0, 2.0], width: 2, skipped: 1 };
        for (mode, expected) in [
            (Pooling::Cls, vec![1.0, -4.0]),
            (Pooling::LastToken, vec![3.0, 2.0]),
            (Pooling::Mean, vec![2.0, -1.0]),
            (Pooling::Max, vec![3.0, 2.0]),
            (Pooling::WeightedMean, vec![7.0 / 3.0, 0.0]),
        ] {
            assert_eq!(vectors.pool(&[mode]), expected, "{mode:?}");
        }
        let root = vectors.pool(&[Pooling::MeanSqrtLen]);
        assert!((root[0] - 4.0 / 2_f32.sqrt()).abs() < 1e-6);
        assert_eq!(vectors.pool(&[Pooling::Cls, Pooling::LastToken]), [1.0, -4.0, 3.0, 2.0]);
    }

    #[test]
    fn vectors_get_length_1() {
        assert_eq!(normalised(vec![3.0, 4.0]), Ok(vec![0.6, 0.8]));
        assert_eq!(normalised(vec![0.0]), Err("the network gave a vector of length 0"));
    }
}
