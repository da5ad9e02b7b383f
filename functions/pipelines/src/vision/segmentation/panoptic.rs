//! Panoptic segmentation, as `compute_segments` of `transformers` does it: each pixel belongs to the query with the highest weighted mask.

use amaas_model::PredictError;
use amaas_model::task::CpuPermit;

use super::label_map::LabelMap;
use super::query_masks::QueryMasks;
use super::segmenter::{Segment, SegmentThresholds};
use crate::scores::sigmoid;
use crate::vision::values::largest;

/// The segments of an image of the size `size`, in the order of queries.
pub(super) fn panoptic(
    queries: &QueryMasks,
    thresholds: SegmentThresholds,
    size: (u32, u32),
    permit: &CpuPermit,
) -> Result<(LabelMap, Vec<Segment>), PredictError> {
    let mut kept = Vec::new();
    let mut chosen = Vec::new();
    for (query, classes) in queries.classes.iter().enumerate() {
        let best = largest(classes).filter(|(class, score)| class + 1 < classes.len() && *score > thresholds.score);
        if let Some(best) = best {
            kept.push(best);
            chosen.push(query);
        }
    }
    let mut map = LabelMap::with_size(size);
    if kept.is_empty() {
        return Ok((map, Vec::new()));
    }
    if kept.len() >= LabelMap::MAX_LABELS {
        return Err(PredictError::internal(format!("expected fewer than {} queries", LabelMap::MAX_LABELS)));
    }
    let masks = queries.logits(&chosen, permit)?.map(sigmoid);
    // The pixels of each mask, including those that other masks get.
    let mut whole_areas = vec![0_usize; kept.len()];
    let mut weighted = vec![0.0; kept.len()];
    masks.for_each_resized((size.0 as usize, size.1 as usize), permit, |pixel| {
        for (index, (mask, (_, score))) in pixel.iter().zip(&kept).enumerate() {
            weighted[index] = mask * score;
            whole_areas[index] += usize::from(weighted[index] >= thresholds.mask);
        }
        map.push(largest(&weighted).map(|(index, _)| index));
    })?;
    let areas = map.areas(kept.len()).into_iter().zip(whole_areas);
    let valid =
        areas.enumerate().filter(|(_, (area, whole))| *area > 0 && is_enough(*area, *whole, thresholds.overlap));
    let segment = |label: usize| Segment { class: kept[label].0, label, score: Some(kept[label].1) };
    let segments = valid.map(|(label, _)| segment(label)).collect();
    Ok((map, segments))
}

/// Whether a mask keeps more than `threshold` of its `whole` pixels.
// PyTorch divides in FP32.
#[allow(clippy::cast_precision_loss)]
fn is_enough(area: usize, whole: usize, threshold: f32) -> bool {
    whole > 0 && area as f32 / whole as f32 > threshold
}

#[cfg(test)]
mod tests {
    use amaas_wire::Tensor;

    use super::super::query_masks::MaskOutputs;
    use super::*;

    const NAMES: MaskOutputs = MaskOutputs { classes: "logits", masks: "pred_masks", side: None };

    /// Four pixels; queries with the classes 0, 0, 1 and none.
    fn queries() -> QueryMasks {
        let logits = vec![5.0_f32, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 9.0];
        let on = [[9.0, 9.0, -9.0, -9.0], [9.0, 9.0, 9.0, -9.0], [-9.0, -9.0, -9.0, 9.0], [9.0, 9.0, 9.0, 9.0]];
        let masks: Vec<f32> = on.concat();
        let outputs = [
            Tensor::new("logits", vec![1, 4, 3], logits).expect("logits"),
            Tensor::new("pred_masks", vec![1, 4, 1, 4], masks).expect("masks"),
        ];
        QueryMasks::of(&outputs, NAMES, 2).expect("queries")
    }

    fn segments(score: f32, mask: f32, overlap: f32) -> Vec<(usize, usize)> {
        let thresholds = SegmentThresholds { score, mask, overlap };
        let (map, segments) =
            panoptic(&queries(), thresholds, (4, 1), &CpuPermit::for_inline_work()).expect("segments");
        let areas = if segments.is_empty() { vec![0; 4] } else { map.areas(4) };
        segments.iter().map(|segment| (segment.class, areas[segment.label])).collect()
    }

    #[test]
    fn each_pixel_belongs_to_the_highest_weighted_mask() {
        // The second query keeps one of its three pixels.
        assert_eq!(segments(0.5, 0.5, 0.3), [(0, 2), (0, 1), (1, 1)]);
        assert_eq!(segments(0.5, 0.5, 0.4), [(0, 2), (1, 1)]);
        // Its probability is 0.91, that of the first one 0.99, and that of the third 0.96.
        assert_eq!(segments(0.95, 0.5, 0.4), [(0, 3), (1, 1)]);
        assert_eq!(segments(0.999, 0.5, 0.4), []);
        // No weighted mask reaches the threshold of masks.
        assert_eq!(segments(0.5, 1.0, 0.4), []);
    }
}
