//! The rectangle of the smallest area around points: rotating calipers on their convex hull.

use super::geometry::{Corners, clockwise};

/// A rectangle, which may be rotated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rectangle {
    pub(super) corners: Corners,
    /// The length of its shorter side.
    pub(super) short_side: f32,
}

impl Rectangle {
    /// The rectangle of the smallest area around `points`; `None` without points.
    pub(super) fn around(points: Vec<[i32; 2]>) -> Option<Self> {
        let hull = convex_hull(points);
        match *hull.as_slice() {
            [] => None,
            [point] => Some(Self { corners: [point.map(to_f32); 4], short_side: 0.0 }),
            [a, b] => {
                let (a, b) = (a.map(to_f32), b.map(to_f32));
                Some(Self { corners: clockwise([a, b, b, a]), short_side: 0.0 })
            }
            _ => Some(smallest(&hull)),
        }
    }
}

/// The hull without points on its edges. The walk around it turns from the x-axis towards the y-axis.
fn convex_hull(mut points: Vec<[i32; 2]>) -> Vec<[i32; 2]> {
    points.sort_unstable();
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut hull: Vec<[i32; 2]> = Vec::new();
    let mut half = |points: &mut dyn Iterator<Item = &[i32; 2]>| {
        let start = hull.len();
        for point in points {
            while let [.., a, b] = hull[start..]
                && cross(minus(b, a), minus(*point, b)) <= 0
            {
                hull.pop();
            }
            hull.push(*point);
        }
        // It is the first point of the other half.
        hull.pop();
    };
    half(&mut points.iter());
    half(&mut points.iter().rev());
    hull
}

/// The smallest rectangle around a hull of at least three points. It shares a side with the hull.
#[allow(clippy::cast_precision_loss)] // sums of products of coordinates below 2¹⁶ are exact
fn smallest(hull: &[[i32; 2]]) -> Rectangle {
    let at = |place: usize| hull[place % hull.len()];
    let (mut right, mut far, mut left) = (1, 1, 1);
    let mut best: Option<(f64, Rectangle)> = None;
    for edge in 0..hull.len() {
        let base = at(edge);
        let along = minus(at(edge + 1), base);
        let end = edge + 2 * hull.len();
        right = right.max(edge + 1);
        while right < end && dot(along, minus(at(right + 1), at(right))) > 0 {
            right += 1;
        }
        far = far.max(right);
        while far < end && cross(along, minus(at(far + 1), at(far))) > 0 {
            far += 1;
        }
        left = left.max(far);
        while left < end && dot(along, minus(at(left + 1), at(left))) < 0 {
            left += 1;
        }
        let (from, to) = (dot(along, minus(at(left), base)), dot(along, minus(at(right), base)));
        let depth = cross(along, minus(at(far), base));
        let square = dot(along, along) as f64;
        let area = (to - from) as f64 * depth as f64 / square;
        if best.as_ref().is_none_or(|(smallest, _)| area < *smallest) {
            let corner = |along_edge: i64, depth: i64| {
                let (u, v) = (along_edge as f64 / square, depth as f64 / square);
                let [x, y] = along.map(|side| side as f64);
                [f64::from(base[0]) + u * x - v * y, f64::from(base[1]) + u * y + v * x].map(rounded)
            };
            let corners = [corner(from, 0), corner(to, 0), corner(to, depth), corner(from, depth)];
            let short_side = rounded((to - from).min(depth) as f64 / square.sqrt());
            best = Some((area, Rectangle { corners: clockwise(corners), short_side }));
        }
    }
    best.map_or(Rectangle { corners: [hull[0].map(to_f32); 4], short_side: 0.0 }, |(_, rectangle)| rectangle)
}

fn minus(a: [i32; 2], b: [i32; 2]) -> [i64; 2] {
    [i64::from(a[0]) - i64::from(b[0]), i64::from(a[1]) - i64::from(b[1])]
}

fn dot(a: [i64; 2], b: [i64; 2]) -> i64 {
    a[0] * b[0] + a[1] * b[1]
}

fn cross(a: [i64; 2], b: [i64; 2]) -> i64 {
    a[0] * b[1] - a[1] * b[0]
}

#[allow(clippy::cast_possible_truncation)]
fn rounded(value: f64) -> f32 {
    value as f32
}

/// Exact for the places of a page.
#[allow(clippy::cast_precision_loss)]
fn to_f32(value: i32) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vision::ocr::geometry::distance;

    #[test]
    fn rectangles_are_those_of_opencv() {
        let upright = Rectangle::around(vec![[2, 10], [2, 17], [9, 17], [9, 10], [5, 12]]).expect("a rectangle");
        assert_eq!(upright.corners, [[2.0, 10.0], [9.0, 10.0], [9.0, 17.0], [2.0, 17.0]]);
        assert!((upright.short_side - 7.0).abs() < 1e-5);
        // cv2.boxPoints(cv2.minAreaRect(...))
        let points = [[3, 20], [8, 14], [30, 2], [44, 1], [47, 6], [40, 13], [12, 27], [5, 26]];
        let tilted = Rectangle::around(points.to_vec()).expect("a rectangle");
        let expected = [[0.4, 16.8], [42.0, -4.0], [48.4, 8.8], [6.8, 29.6]];
        for (got, expected) in tilted.corners.iter().zip(expected) {
            assert!(distance(*got, expected) < 1e-3, "{:?}", tilted.corners);
        }
    }

    #[test]
    fn points_and_lines_have_no_area() {
        assert_eq!(Rectangle::around(vec![]), None);
        for points in [vec![[3, 4], [3, 4]], vec![[1, 1], [5, 5], [3, 3]], vec![[0, 7], [0, 2], [0, 4]]] {
            assert!(Rectangle::around(points).expect("a rectangle").short_side.abs() < 1e-6);
        }
    }

    proptest! {
        #[test]
        fn all_points_are_inside(points in prop::collection::vec([0..6000_i32, 0..6000_i32], 1..60)) {
            let Rectangle { corners, .. } = Rectangle::around(points.clone()).expect("a rectangle");
            let cross = |a: [f32; 2], b: [f32; 2], [x, y]: [i32; 2]| {
                let side = [f64::from(b[0]) - f64::from(a[0]), f64::from(b[1]) - f64::from(a[1])];
                let to = [f64::from(x) - f64::from(a[0]), f64::from(y) - f64::from(a[1])];
                (side[0] * to[1] - side[1] * to[0]) / side[0].hypot(side[1]).max(1.0)
            };
            for point in points {
                for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                    prop_assert!(cross(*a, *b, point) > -0.1, "{point:?} is outside of {corners:?}");
                }
            }
        }

        #[test]
        fn no_other_angle_gives_a_smaller_area(points in prop::collection::vec([0..100_i32, 0..100_i32], 3..20)) {
            let Rectangle { corners, .. } = Rectangle::around(points.clone()).expect("a rectangle");
            let area = distance(corners[0], corners[1]) * distance(corners[1], corners[2]);
            for degrees in 0..90_u8 {
                let (sin, cos) = f32::from(degrees).to_radians().sin_cos();
                let range = |along: [f32; 2]| {
                    let places = points.iter().map(|point| to_f32(point[0]) * along[0] + to_f32(point[1]) * along[1]);
                    places.clone().fold(f32::MIN, f32::max) - places.fold(f32::MAX, f32::min)
                };
                prop_assert!(area <= range([cos, sin]) * range([-sin, cos]) + 0.5);
            }
        }
    }
}
