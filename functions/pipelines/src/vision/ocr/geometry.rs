//! Points and quadrilaterals, with the y-axis pointing down.

/// `[x, y]` in pixels.
pub(super) type Point = [f32; 2];

/// The corners of a quadrilateral, clockwise from the top left.
pub(super) type Corners = [Point; 4];

/// The distance between two points.
pub(super) fn distance(from: Point, to: Point) -> f32 {
    (to[0] - from[0]).hypot(to[1] - from[1])
}

/// The same corners, clockwise from the top left: the left two, and the right two, each with the upper one first.
pub(super) fn clockwise(mut corners: Corners) -> Corners {
    corners.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let upper_first = |a: Point, b: Point| if b[1] > a[1] { (a, b) } else { (b, a) };
    let (top_left, bottom_left) = upper_first(corners[0], corners[1]);
    let (top_right, bottom_right) = upper_first(corners[2], corners[3]);
    [top_left, top_right, bottom_right, bottom_left]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_clockwise_from_the_top_left() {
        let upright = [[1.0, 2.0], [9.0, 2.0], [9.0, 5.0], [1.0, 5.0]];
        let tilted = [[1.0, 4.0], [9.0, 2.0], [10.0, 5.0], [2.0, 7.0]];
        for corners in [upright, tilted] {
            let [a, b, c, d] = corners;
            for shuffled in [[a, b, c, d], [c, d, a, b], [d, c, b, a], [b, d, a, c]] {
                assert_eq!(clockwise(shuffled), corners);
            }
        }
    }
}
