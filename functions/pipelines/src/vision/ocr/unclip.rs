//! Offsetting a polygon outwards: a detector is trained to mark the middle of a line, and not its edges.

use std::f64::consts::PI;

use super::geometry::{Corners, distance};

/// The points of `corners`, which are clockwise, after each side has moved outwards by area · [`RATIO`] / perimeter. The new corners are
/// arcs.
///
/// Points are integers, and arcs have the steps of the library Clipper, so that they are those of `rapidocr`. No points if the corners
/// enclose no area.
pub(super) fn unclipped(corners: &Corners) -> Vec<[i32; 2]> {
    let distance = offset(corners);
    let mut points: Vec<[i32; 2]> = corners.iter().map(|corner| corner.map(truncated)).collect();
    points.dedup();
    if points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    if points.len() < 3 || !distance.is_finite() || distance <= 0.0 {
        return Vec::new();
    }
    let normals: Vec<[f64; 2]> =
        (0..points.len()).map(|at| normal(points[at], points[(at + 1) % points.len()])).collect();
    let mut moved = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let before = normals[(at + points.len() - 1) % points.len()];
        append_arc(*point, [before, normals[at]], distance, &mut moved);
    }
    moved
}

/// The distance that each side moves by.
fn offset(corners: &Corners) -> f64 {
    let next = |at: usize| corners[(at + 1) % corners.len()];
    let twice_area: f64 = (0..corners.len())
        .map(|at| {
            let (a, b) = (corners[at].map(f64::from), next(at).map(f64::from));
            a[0] * b[1] - a[1] * b[0]
        })
        .sum();
    let perimeter: f64 = (0..corners.len()).map(|at| f64::from(distance(corners[at], next(at)))).sum();
    twice_area.abs() / 2.0 * RATIO / perimeter
}

/// Adds the points at `distance` from `point`, from the direction of the first normal to that of the second one.
fn append_arc(point: [i32; 2], [from, to]: [[f64; 2]; 2], distance: f64, arc: &mut Vec<[i32; 2]>) {
    let mut append = |[x, y]: [f64; 2]| {
        let [left, top] = point.map(f64::from);
        arc.push([rounded(left + x * distance), rounded(top + y * distance)]);
    };
    let (sin, cos) = (from[0] * to[1] - from[1] * to[0], from[0] * to[0] + from[1] * to[1]);
    let angle = sin.clamp(-1.0, 1.0).atan2(cos);
    let tolerance = ARC_TOLERANCE.min(distance * ARC_TOLERANCE);
    let steps_of_circle = (PI / (1.0 - tolerance / distance).acos()).min(distance * PI);
    let step = 2.0 * PI / steps_of_circle;
    let mut steps = (angle.abs() / step).round().clamp(1.0, MAX_ARC_STEPS);
    let mut direction = from;
    while steps >= 1.0 {
        append(direction);
        let [x, y] = direction;
        direction = [x * step.cos() - y * step.sin(), x * step.sin() + y * step.cos()];
        steps -= 1.0;
    }
    append(to);
}

/// The unit vector that points out of the side from `from` to `to`.
fn normal(from: [i32; 2], to: [i32; 2]) -> [f64; 2] {
    let [x, y] = [f64::from(to[0]) - f64::from(from[0]), f64::from(to[1]) - f64::from(from[1])];
    let length = x.hypot(y);
    if length == 0.0 { [0.0, 0.0] } else { [y / length, -x / length] }
}

#[allow(clippy::cast_possible_truncation)]
fn truncated(value: f32) -> i32 {
    value as i32
}

#[allow(clippy::cast_possible_truncation)]
fn rounded(value: f64) -> i32 {
    value.round() as i32
}

/// As in `rapidocr`.
const RATIO: f64 = 1.6;
/// The largest distance of an arc's steps from the arc, in pixels, as in Clipper.
const ARC_TOLERANCE: f64 = 0.25;
/// The most steps of an arc: more than one of the largest page needs.
const MAX_ARC_STEPS: f64 = 1000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut points: Vec<[i32; 2]>) -> Vec<[i32; 2]> {
        points.sort_unstable();
        points.dedup();
        points
    }

    #[test]
    fn points_are_those_of_clipper() {
        // pyclipper.PyclipperOffset with JT_ROUND and ET_CLOSEDPOLYGON.
        let upright = [[10.0, 20.0], [110.0, 20.0], [110.0, 40.0], [10.0, 40.0]];
        let expected = vec![
            [115, 8],
            [119, 10],
            [122, 15],
            [123, 20],
            [123, 40],
            [122, 45],
            [120, 49],
            [115, 52],
            [110, 53],
            [10, 53],
            [5, 52],
            [1, 50],
            [-2, 45],
            [-3, 40],
            [-3, 20],
            [-2, 15],
            [0, 11],
            [5, 8],
            [10, 7],
            [110, 7],
        ];
        assert_eq!(sorted(unclipped(&upright)), sorted(expected));
        let tilted = [[10.7, 30.2], [90.1, 10.9], [94.6, 29.3], [15.2, 48.8]];
        let expected = vec![
            [97, 0],
            [100, 3],
            [102, 7],
            [106, 26],
            [106, 31],
            [104, 36],
            [101, 39],
            [97, 41],
            [18, 60],
            [13, 60],
            [8, 58],
            [5, 55],
            [3, 51],
            [-2, 33],
            [-2, 28],
            [-1, 24],
            [3, 20],
            [7, 18],
            [87, -2],
            [92, -2],
        ];
        assert_eq!(sorted(unclipped(&tilted)), sorted(expected));
    }

    #[test]
    fn nothing_is_around_no_area() {
        for corners in [
            [[1.0, 1.0]; 4],
            [[1.0, 1.0], [9.0, 1.0], [9.0, 1.0], [1.0, 1.0]],
            [[f32::NAN; 2]; 4],
            [[1.0, 1.0], [f32::INFINITY, 1.0], [f32::INFINITY, 9.0], [1.0, 9.0]],
        ] {
            assert_eq!(unclipped(&corners), [[0_i32; 2]; 0], "{corners:?}");
        }
    }
}
