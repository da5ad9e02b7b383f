//! Scores of classes from a network's logits.

use amaas_wire::pipeline::{FunctionToApply, LabelScore};

/// The scores of `logits`.
pub(crate) fn scores(logits: &[f32], function: FunctionToApply) -> Vec<f32> {
    match function {
        FunctionToApply::Softmax => softmax(logits),
        FunctionToApply::Sigmoid => logits.iter().map(|logit| sigmoid(*logit)).collect(),
        FunctionToApply::None => logits.to_vec(),
    }
}

/// Probabilities that add up to 1.
#[allow(clippy::cast_possible_truncation)] // probabilities need no more than FP32
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

/// A probability of its own.
pub(crate) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The `top_k` largest of `classes`, or all of them, in descending order; of equal scores the earlier class comes first.
pub(crate) fn ranked(mut classes: Vec<LabelScore>, top_k: Option<usize>) -> Vec<LabelScore> {
    classes.sort_by(|one, other| other.score.total_cmp(&one.score));
    classes.truncate(top_k.unwrap_or(usize::MAX));
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_function() {
        assert_eq!(scores(&[1000.0, 1000.0], FunctionToApply::Softmax), [0.5, 0.5]);
        assert_eq!(scores(&[0.0, -1000.0], FunctionToApply::Sigmoid), [0.5, 0.0]);
        assert_eq!(scores(&[3.0, -4.0], FunctionToApply::None), [3.0, -4.0]);
    }

    #[test]
    fn the_largest_come_first() {
        let classes =
            ["a", "b", "c"].into_iter().zip([0.2, 0.4, 0.4]).map(|(label, score)| LabelScore::new(label, score));
        let ranked = ranked(classes.collect(), Some(2));
        assert_eq!(ranked, [LabelScore::new("b", 0.4), LabelScore::new("c", 0.4)]);
    }
}
