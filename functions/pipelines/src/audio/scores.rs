//! The values of a classifier to labels and scores.

use amaas_wire::pipeline::{ClassificationOutputTransform, LabelScore};

use crate::export::ClassLabels;

/// The `top` labels with the highest scores, of the values that a network gave for each class; the first of equal ones first.
pub fn scored(
    values: &[f32],
    labels: &ClassLabels,
    transform: ClassificationOutputTransform,
    top: usize,
) -> Vec<LabelScore> {
    let scores = match transform {
        ClassificationOutputTransform::Softmax => softmax(values),
        ClassificationOutputTransform::Sigmoid => values.iter().map(|value| 1.0 / (1.0 + (-value).exp())).collect(),
        ClassificationOutputTransform::None => values.to_vec(),
    };
    let mut ranked: Vec<usize> = (0..scores.len()).collect();
    ranked.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let label = |class: usize| labels.get(class).unwrap_or_default();
    ranked.into_iter().take(top).map(|class| LabelScore::new(label(class), scores[class])).collect()
}

fn softmax(values: &[f32]) -> Vec<f32> {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = values.iter().map(|value| f64::from(value - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    #[allow(clippy::cast_possible_truncation)] // probabilities
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_transform() {
        let labels = ClassLabels::numbered(3);
        let got = |transform, top| {
            let scored = scored(&[0.0, 2.0, 0.0], &labels, transform, top);
            scored
                .into_iter()
                .map(|LabelScore { label, score, .. }| (label, (score * 1e4).round() / 1e4))
                .collect::<Vec<_>>()
        };
        let label = |class: usize| format!("LABEL_{class}");
        let expected = [(label(1), 0.787), (label(0), 0.1065), (label(2), 0.1065)];
        assert_eq!(got(ClassificationOutputTransform::Softmax, 5), expected);
        assert_eq!(got(ClassificationOutputTransform::Sigmoid, 2), [(label(1), 0.8808), (label(0), 0.5)]);
        assert_eq!(got(ClassificationOutputTransform::None, 1), [(label(1), 2.0)]);
    }
}
