//! Semantic segmentation: each pixel has the label with the highest score.

use amaas_model::PredictError;
use amaas_model::task::CpuPermit;

use super::channels::Channels;
use super::label_map::LabelMap;
use super::query_masks::QueryMasks;
use super::segmenter::Segment;
use crate::scores::sigmoid;
use crate::vision::values::largest;

/// The segments of an image of the size `size`, one for each label that a pixel has, in the order of the labels. `scores` has a channel
/// for each label.
pub(super) fn semantic(
    scores: &Channels,
    labels: usize,
    size: (u32, u32),
    permit: &CpuPermit,
) -> Result<(LabelMap, Vec<Segment>), PredictError> {
    let mut map = LabelMap::with_size(size);
    scores.for_each_resized((size.0 as usize, size.1 as usize), permit, |pixel| {
        map.push(largest(pixel).map(|(label, _)| label));
    })?;
    let present = map.areas(labels).into_iter().enumerate().filter(|(_, area)| *area > 0);
    let segments = present.map(|(class, _)| Segment { class, label: class, score: None }).collect();
    Ok((map, segments))
}

/// The scores of labels for the masks of `queries`: the sum of its masks, each weighted by the probability of the label.
pub(super) fn scores(queries: &QueryMasks, labels: usize, permit: &CpuPermit) -> Result<Channels, PredictError> {
    let all: Vec<usize> = (0..queries.classes.len()).collect();
    let masks = queries.logits(&all, permit)?.map(sigmoid);
    Ok(masks.map_pixels(labels, |masks, scores| {
        for (mask, classes) in masks.iter().zip(&queries.classes) {
            for (score, class) in scores.iter_mut().zip(classes) {
                *score += mask * class;
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use amaas_wire::Tensor;

    use super::super::query_masks::MaskOutputs;
    use super::*;

    #[test]
    fn each_pixel_has_the_label_with_the_highest_score() {
        // Three labels of 2 x 1 pixels; the second one is never the highest.
        let planes = [1.0, 0.0, 0.5, 0.4, 0.0, 1.0];
        let scores = Channels::of_planes(&planes, (2, 1), &[0, 1, 2], |value| value);
        let (map, segments) = semantic(&scores, 3, (4, 2), &CpuPermit::for_inline_work()).expect("segments");
        assert_eq!(segments.iter().map(|segment| segment.class).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(map.areas(3), [4, 0, 4]);
    }

    #[test]
    fn masks_are_weighted_by_their_classes() {
        let names = MaskOutputs { classes: "logits", masks: "pred_masks", side: None };
        // Two queries: the first is surely label 1, the second surely no object.
        let outputs = [
            Tensor::new("logits", vec![1, 2, 3], vec![0.0_f32, 50.0, 0.0, 0.0, 0.0, 50.0]).expect("logits"),
            Tensor::new("pred_masks", vec![1, 2, 1, 2], vec![0.0_f32, 50.0, 50.0, 50.0]).expect("masks"),
        ];
        let queries = QueryMasks::of(&outputs, names, 2).expect("queries");
        let scores = scores(&queries, 2, &CpuPermit::for_inline_work()).expect("scores");
        let expected = [[0.0, 0.5], [0.0, 1.0]];
        for (got, expected) in scores.pixels().zip(expected) {
            assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6), "{got:?}");
        }
    }
}
