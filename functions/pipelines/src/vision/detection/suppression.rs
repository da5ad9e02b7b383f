//! Non-maximum suppression of boxes, class by class.

/// A box that may show an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) class: usize,
    pub(super) score: f32,
    /// `xmin`, `ymin`, `xmax`, `ymax`.
    pub(super) corners: [f32; 4],
}

impl Candidate {
    /// The intersection over union with `other`; 0 if both are empty.
    fn overlap(&self, other: &Self) -> f32 {
        let ([left, top, right, bottom], [x, y, end, low]) = (self.corners, other.corners);
        let shared = (right.min(end) - left.max(x)).max(0.0) * (bottom.min(low) - top.max(y)).max(0.0);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    fn area(&self) -> f32 {
        let [left, top, right, bottom] = self.corners;
        (right - left) * (bottom - top)
    }
}

/// The candidates that stay, best first, and `max` of them at most: one goes if its intersection over union with a better one of its class
/// is above `threshold`. Of equal scores the earlier one is better.
///
/// Each candidate is compared with those that stay, so with `max` at most.
pub(super) fn suppress(mut candidates: Vec<Candidate>, threshold: f32, max: usize) -> Vec<Candidate> {
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.len() >= max {
            break;
        }
        let is_rival = |other: &&Candidate| other.class == candidate.class;
        if kept.iter().filter(is_rival).all(|other| candidate.overlap(other) <= threshold) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(class: usize, score: f32, corners: [f32; 4]) -> Candidate {
        Candidate { class, score, corners }
    }

    #[test]
    fn a_box_goes_if_it_overlaps_a_better_one_of_its_class() {
        let (left, middle, right) = ([0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [10.0, 0.0, 20.0, 10.0]);
        let boxes =
            vec![candidate(0, 0.5, left), candidate(0, 0.9, middle), candidate(1, 0.7, left), candidate(0, 0.6, right)];
        let scores = |threshold: f32, max: usize| {
            let kept = suppress(boxes.clone(), threshold, max);
            kept.iter().map(|candidate| candidate.score).collect::<Vec<_>>()
        };
        // A third of the union of two neighbours is shared.
        assert_eq!(scores(0.34, 300), [0.9, 0.7, 0.6, 0.5]);
        assert_eq!(scores(0.33, 300), [0.9, 0.7]);
        assert_eq!(scores(0.34, 3), [0.9, 0.7, 0.6]);
    }

    #[test]
    fn a_suppressed_box_suppresses_none() {
        let [first, second, third] = [0.0, 4.0, 8.0].map(|left| [left, 0.0, left + 10.0, 10.0]);
        let boxes = vec![candidate(0, 0.9, first), candidate(0, 0.8, second), candidate(0, 0.7, third)];
        // The second overlaps both others by 6 / 14; the third overlaps the first by 2 / 18.
        assert_eq!(suppress(boxes, 0.4, 300).len(), 2);
    }

    #[test]
    fn empty_boxes_overlap_nothing() {
        let empty = candidate(0, 0.5, [3.0, 3.0, 3.0, 3.0]);
        assert_eq!(suppress(vec![empty, empty], 0.0, 300).len(), 2);
        // Of equal scores the earlier one is better.
        let (first, second) = (candidate(0, 0.5, [0.0, 0.0, 2.0, 2.0]), candidate(0, 0.5, [0.0, 0.0, 2.0, 1.9]));
        assert_eq!(suppress(vec![first, second], 0.5, 300), [first]);
    }
}
