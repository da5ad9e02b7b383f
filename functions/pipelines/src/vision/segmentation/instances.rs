//! Instance segmentation of `MaskFormer` and `Mask2Former`: the best pairs of query and class, each with the pixels of the query's mask.
//!
//! `transformers` does not define the order of the segments, nor which segment gets a pixel of several masks. Here the best segment is
//! first, and gets the pixel.

use amaas_model::PredictError;
use amaas_model::task::CpuPermit;

use super::channels::{Channels, nearest_places};
use super::label_map::LabelMap;
use super::query_masks::QueryMasks;
use super::segmenter::Segment;
use crate::scores::sigmoid;

/// The segments of an image of the size `size` with at least the score `threshold`, best first.
pub(super) fn instances(
    queries: &QueryMasks,
    threshold: f32,
    size: (u32, u32),
    permit: &CpuPermit,
) -> Result<(LabelMap, Vec<Segment>), PredictError> {
    let all: Vec<usize> = (0..queries.classes.len()).collect();
    let masks = queries.logits(&all, permit)?;
    if masks.size().0 == 0 || masks.size().1 == 0 {
        return Err(PredictError::internal("expected masks of at least one pixel, got none"));
    }
    let (columns, rows) =
        (nearest_places(masks.size().0, size.0 as usize), nearest_places(masks.size().1, size.1 as usize));
    let mask_scores = mask_scores(&masks, all.len());
    let visible = visible(&masks, all.len(), &columns, &rows);
    let mut ranked = best_pairs(queries);
    for pair in &mut ranked {
        pair.score *= mask_scores[pair.query];
    }
    ranked.retain(|pair| visible[pair.query] && pair.score >= threshold);
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
    // The first segment of each query, because another one has the same mask, and a worse score.
    let mut owner_rank = vec![usize::MAX; all.len()];
    for (rank, pair) in ranked.iter().enumerate().rev() {
        owner_rank[pair.query] = rank;
    }
    let owners: Vec<Option<usize>> = masks.pixels().map(|pixel| owner(pixel, &owner_rank)).collect();
    let mut map = LabelMap::with_size(size);
    for row in rows {
        for column in &columns {
            map.push(owners[row * masks.size().0 + column]);
        }
        permit.record_progress(0)?;
    }
    let segment = |(label, pair): (usize, Pair)| Segment { class: pair.class, label, score: Some(pair.score) };
    Ok((map, ranked.into_iter().enumerate().map(segment).collect()))
}

/// A class of a query, with its score.
struct Pair {
    query: usize,
    class: usize,
    score: f32,
}

/// The most probable pairs, as many as queries.
fn best_pairs(queries: &QueryMasks) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (query, classes) in queries.classes.iter().enumerate() {
        let objects = classes.split_last().map(|(_, objects)| objects).unwrap_or_default();
        pairs.extend(objects.iter().enumerate().map(|(class, score)| Pair { query, class, score: *score }));
    }
    pairs.sort_by(|one, other| other.score.total_cmp(&one.score));
    pairs.truncate(queries.classes.len());
    pairs
}

/// The mean probability of each mask's own pixels.
fn mask_scores(masks: &Channels, queries: usize) -> Vec<f32> {
    let (mut sums, mut areas) = (vec![0.0_f32; queries], vec![0.0_f32; queries]);
    for pixel in masks.pixels() {
        for (query, logit) in pixel.iter().enumerate().filter(|(_, logit)| **logit > 0.0) {
            sums[query] += sigmoid(*logit);
            areas[query] += 1.0;
        }
    }
    sums.into_iter().zip(areas).map(|(sum, area)| sum / (area + 1e-6)).collect()
}

/// Whether each mask has a pixel that is in the image's size.
fn visible(masks: &Channels, queries: usize, columns: &[usize], rows: &[usize]) -> Vec<bool> {
    let (width, height) = masks.size();
    let shown = |places: &[usize], count: usize| {
        let mut shown = vec![false; count];
        for place in places {
            shown[*place] = true;
        }
        shown
    };
    let (columns, rows) = (shown(columns, width), shown(rows, height));
    let mut visible = vec![false; queries];
    let pixels = masks.pixels().enumerate();
    for (_, pixel) in pixels.filter(|(place, _)| columns[place % width] && rows[place / width]) {
        visible.iter_mut().zip(pixel).for_each(|(visible, logit)| *visible |= *logit > 0.0);
    }
    visible
}

/// The best segment with a mask that has the pixel.
fn owner(pixel: &[f32], owner_rank: &[usize]) -> Option<usize> {
    let ranks = pixel.iter().zip(owner_rank).filter(|(logit, _)| **logit > 0.0).map(|(_, rank)| *rank);
    ranks.min().filter(|rank| *rank != usize::MAX)
}

#[cfg(test)]
mod tests {
    use amaas_wire::Tensor;

    use super::super::query_masks::MaskOutputs;
    use super::*;

    fn found(threshold: f32, size: (u32, u32)) -> Vec<(usize, usize)> {
        let names = MaskOutputs { classes: "logits", masks: "pred_masks", side: None };
        // Query 0 is class 1, or class 0; query 1 is class 0; query 2 has no pixel. The first two share a pixel.
        let logits = vec![1.0_f32, 3.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 5.0];
        let on: Vec<f32> = [[9.0, 9.0, -9.0, -9.0], [-9.0, 9.0, 9.0, -9.0], [-9.0; 4]].concat();
        let outputs = [
            Tensor::new("logits", vec![1, 3, 3], logits).expect("logits"),
            Tensor::new("pred_masks", vec![1, 3, 1, 4], on).expect("masks"),
        ];
        let queries = QueryMasks::of(&outputs, names, 2).expect("queries");
        let (map, segments) = instances(&queries, threshold, size, &CpuPermit::for_inline_work()).expect("segments");
        let areas = map.areas(segments.len());
        segments.iter().map(|segment| (segment.class, areas[segment.label])).collect()
    }

    #[test]
    fn the_best_segment_gets_a_shared_pixel() {
        assert_eq!(found(0.5, (4, 1)), [(0, 2), (1, 1)]);
        // Twice the size.
        assert_eq!(found(0.5, (8, 2)), [(0, 8), (1, 4)]);
        assert_eq!(found(0.95, (4, 1)), [(0, 2)]);
        // Another class of a query has the same mask, and gets no pixel.
        assert_eq!(found(0.05, (4, 1)), [(0, 2), (1, 1), (0, 0)]);
    }

    #[test]
    fn a_mask_without_pixels_in_the_image_is_left_out() {
        // Only the first pixel is in the image.
        assert_eq!(found(0.5, (1, 1)), [(1, 1)]);
    }
}
