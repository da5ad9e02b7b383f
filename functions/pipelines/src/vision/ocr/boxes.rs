//! The boxes of lines in a probability map, in reading order: the postprocessing of differentiable binarization.

use amaas_model::task::{InvalidInput, checkpoint};

use super::geometry::{Corners, clockwise, distance};
use super::page::to_f32;
use super::probability_map::ProbabilityMap;
use super::rectangle::Rectangle;
use super::unclip::unclipped;

/// The probability above which a pixel is text, as in `rapidocr`.
pub(super) const PIXEL_THRESHOLD: f32 = 0.3;

/// The boxes of the lines that `map` shows, on a page of `page` pixels (width, height), in reading order.
///
/// # Errors
/// If the caller is gone.
pub(super) fn line_boxes(map: &ProbabilityMap, page: (u32, u32)) -> Result<Vec<Corners>, InvalidInput> {
    let mut boxes = Vec::new();
    for outline in map.text().outlines(MAX_CANDIDATES) {
        checkpoint()?;
        boxes.extend(line_box(map, outline, page));
    }
    sort(&mut boxes);
    Ok(boxes)
}

/// The box of the line with `outline`; `None` if it is too small, or probably no text.
fn line_box(map: &ProbabilityMap, outline: Vec<[i32; 2]>, page: (u32, u32)) -> Option<Corners> {
    let inner = Rectangle::around(outline).filter(|inner| inner.short_side >= MIN_SIDE)?;
    if map.mean_in(&inner.corners) < MIN_SCORE {
        return None;
    }
    let outer = Rectangle::around(unclipped(&inner.corners)).filter(|outer| outer.short_side >= MIN_SIDE + 2.0)?;
    let (width, height) = map.size();
    let scaled = |value: f32, size: usize, page: u32| {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let on_page = (value / to_f32(size) * to_f32(page)).round_ties_even();
        on_page.clamp(0.0, to_f32(page))
    };
    let corners = clockwise(outer.corners.map(|[x, y]| [scaled(x, width, page.0), scaled(y, height, page.1)]));
    let corners = corners.map(|[x, y]| [x.min(to_f32(page.0) - 1.0), y.min(to_f32(page.1) - 1.0)]);
    let [top_left, top_right, _, bottom_left] = corners;
    let is_large = distance(top_left, top_right) >= MIN_PAGE_SIDE && distance(top_left, bottom_left) >= MIN_PAGE_SIDE;
    is_large.then_some(corners)
}

/// Sorts from top to bottom. Boxes that begin at almost the same height are sorted from left to right.
fn sort(boxes: &mut [Corners]) {
    let place = |corners: &Corners| (corners[0][1], corners[0][0]);
    boxes.sort_by(|a, b| {
        let ((a_y, a_x), (b_y, b_x)) = (place(a), place(b));
        a_y.total_cmp(&b_y).then(a_x.total_cmp(&b_x))
    });
    for end in 1..boxes.len() {
        for at in (1..=end).rev() {
            let ((above, left), (below, right)) = (place(&boxes[at - 1]), place(&boxes[at]));
            if (below - above).abs() >= LINE_TOLERANCE || right >= left {
                break;
            }
            boxes.swap(at - 1, at);
        }
    }
}

/// As in `rapidocr`, as are all constants here.
const MAX_CANDIDATES: usize = 1000;
/// The shortest side of a rectangle around text, in pixels of the map.
const MIN_SIDE: f32 = 3.0;
/// The lowest mean probability in a rectangle.
const MIN_SCORE: f64 = 0.5;
/// The shortest side of a box, in pixels of the page.
const MIN_PAGE_SIDE: f32 = 4.0;
/// The largest vertical distance between the boxes of one line of text, in pixels of the page.
const LINE_TOLERANCE: f32 = 10.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(width: usize, height: usize, probability: impl Fn(usize, usize) -> f32) -> ProbabilityMap {
        let values: Vec<f32> = (0..width * height).map(|place| probability(place % width, place / width)).collect();
        ProbabilityMap::of(&values, &[1, height, width], PIXEL_THRESHOLD).expect("a map")
    }

    #[test]
    fn boxes_are_larger_than_what_the_map_shows() {
        let text = |x: usize, y: usize| (20..60).contains(&x) && (30..40).contains(&y);
        let boxes = |high: f32| {
            let map = map(100, 80, |x, y| if text(x, y) { high } else { 0.0 });
            line_boxes(&map, (200, 160)).expect("boxes")
        };
        // DBPostProcess and filter_tag_det_res of rapidocr give this box.
        assert_eq!(boxes(0.9), [[[28.0, 48.0], [132.0, 48.0], [132.0, 92.0], [28.0, 92.0]]]);
        assert_eq!(boxes(0.4), [[[0.0; 2]; 4]; 0]);
    }

    #[test]
    fn small_boxes_are_none() {
        let map = map(100, 80, |x, y| if x == 50 && y < 70 { 1.0 } else { 0.0 });
        assert_eq!(line_boxes(&map, (100, 80)).expect("boxes"), [[[0.0; 2]; 4]; 0]);
    }

    #[test]
    fn lines_are_read_from_left_to_right() {
        let at = |x: f32, y: f32| [[x, y], [x + 9.0, y], [x + 9.0, y + 5.0], [x, y + 5.0]];
        let mut boxes = [at(200.0, 11.0), at(5.0, 40.0), at(9.0, 14.0), at(100.0, 18.0), at(0.0, 44.0)];
        sort(&mut boxes);
        assert_eq!(boxes, [at(9.0, 14.0), at(100.0, 18.0), at(200.0, 11.0), at(0.0, 44.0), at(5.0, 40.0)]);
    }

    proptest! {
        #[test]
        fn any_map_has_boxes_on_the_page(
            width in 1..40_usize,
            levels in prop::collection::vec(0.0..=1.0_f32, 40..900),
            page in (1..3000_u32, 1..3000_u32),
        ) {
            let height = levels.len() / width;
            let map = map(width, height, |x, y| levels[y * width + x]);
            for corners in line_boxes(&map, page).expect("boxes") {
                for [x, y] in corners {
                    prop_assert!((0.0..to_f32(page.0)).contains(&x) && (0.0..to_f32(page.1)).contains(&y));
                }
            }
        }
    }
}
