//! From an image network's outputs to a direction among the vectors of texts.
//!
//! With `p` the probabilities of the `k` most probable labels and `e` the labels' vectors, the direction is
//! `d = Σ p·e / |Σ p·e|`, and a text whose vector is `t` scores `d · t`: both have length 1, so that is the cosine.

use amaas_serve::task::TaskError;
use amaas_wire::{Tensor, TensorData};

use crate::image_network::ScoreKind;

/// The probability of each of `labels` labels, from `output`.
pub(crate) fn probabilities(output: &Tensor, scores: ScoreKind, labels: usize) -> Result<Vec<f32>, TaskError> {
    let values: Vec<f32> = match output.data() {
        TensorData::Fp32(values) => values.to_vec(),
        TensorData::Fp16(values) => values.iter().map(|value| value.to_f32()).collect(),
        _ => return Err(TaskError::new(format!("output {:?}: expected FP32 or FP16", output.name()))),
    };
    if values.len() != labels {
        let (name, got) = (output.name(), values.len());
        return Err(TaskError::new(format!(
            "output {name:?}: expected a value for each of {labels} labels, got {got}"
        )));
    }
    if scores == ScoreKind::Logits {
        let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = values.iter().map(|value| (value - largest).exp()).collect();
        let sum: f32 = powers.iter().sum();
        return Ok(powers.into_iter().map(|power| power / sum).collect());
    }
    let sum: f32 = values.iter().sum();
    if values.iter().any(|value| *value < 0.0) || (sum - 1.0).abs() > MAX_ROUNDING_ERROR {
        let name = output.name();
        return Err(TaskError::new(format!(
            "output {name:?} has no probabilities, which add up to 1; are they logits?"
        )));
    }
    Ok(values)
}

/// The indexes of the `top` largest values, in descending order; of equal values the earlier one comes first.
pub(crate) fn largest(values: &[f32], top: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    places.truncate(top);
    places
}

/// The direction of the sum of `vectors`, each times its weight.
pub(crate) fn direction<'v>(vectors: impl Iterator<Item = (f32, &'v [f32])>) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for (weight, vector) in vectors {
        sum.resize(vector.len(), 0.0);
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
    }
    let length = dot(&sum, &sum).sqrt();
    if length > 0.0 { sum.into_iter().map(|value| value / length).collect() } else { sum }
}

/// The cosine of two vectors of length 1.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// A thousand probabilities in 16 bits, of ten bits each, are off by less.
const MAX_ROUNDING_ERROR: f32 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    fn output(values: &[f32]) -> Tensor {
        Tensor::new("y", vec![1, values.len()], values.to_vec()).expect("a row")
    }

    #[test]
    fn logits_become_probabilities() {
        let even = probabilities(&output(&[1000.0, 1000.0]), ScoreKind::Logits, 2).expect("two");
        assert_eq!(even, [0.5, 0.5]);
        let error = probabilities(&output(&[3.0, -1.0]), ScoreKind::Probabilities, 2).expect_err("logits");
        assert_eq!(error.to_string(), "output \"y\" has no probabilities, which add up to 1; are they logits?");
        let error = probabilities(&output(&[1.0]), ScoreKind::Probabilities, 2).expect_err("one");
        assert_eq!(error.to_string(), "output \"y\": expected a value for each of 2 labels, got 1");
        let halves = TensorData::from([0.25, 0.75].map(half::f16::from_f32).to_vec());
        let halves = Tensor::new("y", vec![1, 2, 1, 1], halves).expect("two");
        assert_eq!(probabilities(&halves, ScoreKind::Probabilities, 2), Ok(vec![0.25, 0.75]));
    }

    #[test]
    fn the_direction_is_that_of_the_weighted_sum() {
        assert_eq!(largest(&[0.1, 0.4, 0.1, 0.4], 3), [1, 3, 0]);
        let to = direction([(0.75, &[1.0, 0.0][..]), (1.0, &[0.0, 1.0])].into_iter());
        assert!((to[0] - 0.6).abs() < 1e-6 && (to[1] - 0.8).abs() < 1e-6, "{to:?}");
        assert_eq!(direction([(1.0, &[0.0, 0.0][..])].into_iter()), [0.0, 0.0]);
    }
}
