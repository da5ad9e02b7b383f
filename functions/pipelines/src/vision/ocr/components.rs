//! The outlines in a binary image: of its connected components, and of the holes in them.
//!
//! The outlines are those of `OpenCV`'s `findContours`, which follows borders. Here they are sets of points with the same convex hull,
//! which is all that a rectangle around them needs. So runs of pixels can be joined row by row, in linear time.

/// A binary image.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    width: usize,
    pixels: Vec<bool>,
}

impl Bitmap {
    /// A bitmap with rows of `width` pixels. An incomplete row is left out.
    pub(super) fn new(width: usize, pixels: Vec<bool>) -> Self {
        Self { width: width.max(1), pixels }
    }

    /// The same bitmap, in which each pixel that is set sets those right of it, below it, and below right too.
    pub(super) fn dilated(&self) -> Self {
        let set = |place: usize| {
            let is_first = place.is_multiple_of(self.width);
            let at = |back: usize| place.checked_sub(back).is_some_and(|place| self.pixels[place]);
            at(0) || at(self.width) || (!is_first && (at(1) || at(self.width + 1)))
        };
        Self { width: self.width, pixels: (0..self.pixels.len()).map(set).collect() }
    }

    /// At most `limit` outlines, the lowest first: points whose convex hull is that of a component's or a hole's border.
    pub(super) fn outlines(&self, limit: usize) -> Vec<Vec<[i32; 2]>> {
        let (set, clear) = (Components::of(self, true), Components::of(self, false));
        let mut starts: Vec<Start> = Vec::new();
        starts.extend(set.starts().map(|(at, component)| Start { at, is_hole: false, component }));
        // The border of a hole begins left of it.
        let holes = clear.starts().filter(|(_, component)| !clear.touches_edge[*component as usize]);
        starts.extend(holes.map(|((y, x), component)| Start { at: (y, x - 1), is_hole: true, component }));
        starts.sort_unstable_by(|a, b| b.cmp(a));
        starts.truncate(limit);
        let mut outlines = vec![Vec::new(); starts.len()];
        for (components, is_hole) in [(&set, false), (&clear, true)] {
            let mut outline_of: Vec<(u32, usize)> = starts
                .iter()
                .enumerate()
                .filter(|(_, start)| start.is_hole == is_hole)
                .map(|(outline, start)| (start.component, outline))
                .collect();
            outline_of.sort_unstable();
            for (run, component) in components.runs.iter().zip(&components.component) {
                if let Ok(found) = outline_of.binary_search_by_key(component, |(component, _)| *component) {
                    run.extend_outline(is_hole, &mut outlines[outline_of[found].1]);
                }
            }
        }
        outlines
    }
}

/// The first pixel of an outline, as `OpenCV` finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    /// Row and column.
    at: (i32, i32),
    is_hole: bool,
    component: u32,
}

/// Pixels of a row that are next to each other.
#[derive(Clone, Copy, Debug)]
struct Run {
    y: i32,
    first: i32,
    last: i32,
}

impl Run {
    /// Adds its ends, or for a hole the pixels around its ends.
    fn extend_outline(self, is_hole: bool, outline: &mut Vec<[i32; 2]>) {
        let Self { y, first, last } = self;
        if is_hole {
            outline.extend([[first - 1, y], [last + 1, y]]);
            outline.extend([[first, y - 1], [last, y - 1], [first, y + 1], [last, y + 1]]);
        } else {
            outline.extend([[first, y], [last, y]]);
        }
    }
}

/// The connected components of the pixels that are set, or of those that are not.
struct Components {
    runs: Vec<Run>,
    /// The component of each run, named by its first run.
    component: Vec<u32>,
    /// Whether a component touches the edge of the image, by the name of the component.
    touches_edge: Vec<bool>,
}

impl Components {
    /// The components of the pixels that are `value`. Pixels that are set are connected to eight neighbours, others to four.
    fn of(bitmap: &Bitmap, value: bool) -> Self {
        let reach = i32::from(value);
        let (mut runs, mut parents) = (Vec::<Run>::new(), Vec::new());
        let (mut above, mut row_start) = (0, 0);
        for (y, row) in bitmap.pixels.chunks_exact(bitmap.width).enumerate() {
            let previous = above..row_start;
            append_runs(to_i32(y), row, value, &mut runs);
            parents.extend(to_u32(row_start)..to_u32(runs.len()));
            join_rows(&runs, previous, row_start..runs.len(), reach, &mut parents);
            above = row_start;
            row_start = runs.len();
        }
        let component: Vec<u32> = (0..to_u32(runs.len())).map(|run| root(&mut parents, run)).collect();
        let (last_x, last_y) = (to_i32(bitmap.width) - 1, to_i32(bitmap.pixels.len() / bitmap.width) - 1);
        let mut touches_edge = vec![false; runs.len()];
        for (run, component) in runs.iter().zip(&component) {
            let at_edge = run.y == 0 || run.y == last_y || run.first == 0 || run.last == last_x;
            touches_edge[*component as usize] |= at_edge;
        }
        Self { runs, component, touches_edge }
    }

    /// Row and column of the first pixel of each component, and its name.
    fn starts(&self) -> impl Iterator<Item = ((i32, i32), u32)> {
        let runs = self.runs.iter().zip(&self.component).enumerate();
        let firsts = runs.filter(|(index, (_, component))| to_u32(*index) == **component);
        firsts.map(|(_, (run, component))| ((run.y, run.first), *component))
    }
}

/// Adds the runs of the pixels of `row` that are `value`.
fn append_runs(y: i32, row: &[bool], value: bool, runs: &mut Vec<Run>) {
    let mut x = 0;
    for pixels in row.chunk_by(|a, b| a == b) {
        let next = x + to_i32(pixels.len());
        if pixels.first() == Some(&value) {
            runs.push(Run { y, first: x, last: next - 1 });
        }
        x = next;
    }
}

/// Joins the runs of two rows that touch: those whose columns overlap, or are at most `reach` apart.
fn join_rows(
    runs: &[Run],
    above: std::ops::Range<usize>,
    below: std::ops::Range<usize>,
    reach: i32,
    parents: &mut [u32],
) {
    let (mut upper, mut lower) = (above.start, below.start);
    while upper < above.end && lower < below.end {
        let (a, b) = (runs[upper], runs[lower]);
        if a.first <= b.last + reach && b.first <= a.last + reach {
            let (a, b) = (root(parents, to_u32(upper)), root(parents, to_u32(lower)));
            parents[a.max(b) as usize] = a.min(b);
        }
        if a.last < b.last {
            upper += 1;
        } else {
            lower += 1;
        }
    }
}

/// The first run of the component of `run`; halves the paths to it.
fn root(parents: &mut [u32], mut run: u32) -> u32 {
    while parents[run as usize] != run {
        let parent = parents[run as usize];
        parents[run as usize] = parents[parent as usize];
        run = parents[run as usize];
    }
    run
}

/// Places are below the number of pixels of a page.
fn to_i32(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

fn to_u32(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(rows: &[&str]) -> Bitmap {
        let pixels = rows.iter().flat_map(|row| row.chars().map(|pixel| pixel == '#'));
        Bitmap::new(rows[0].len(), pixels.collect())
    }

    /// The bounding boxes of the outlines: left, top, right, bottom.
    fn bounds(rows: &[&str], limit: usize) -> Vec<[i32; 4]> {
        let bound = |points: Vec<[i32; 2]>| {
            let (x, y) = (points.iter().map(|point| point[0]), points.iter().map(|point| point[1]));
            [x.clone().min(), y.clone().min(), x.max(), y.max()].map(|side| side.expect("points"))
        };
        bitmap(rows).outlines(limit).into_iter().map(bound).collect()
    }

    #[test]
    fn outlines_are_those_of_components_and_holes() {
        let rows = ["##....#", "##...#.", ".......", "#####..", "#.#.#..", "###.#..", "..####."];
        // As cv2.findContours(RETR_LIST) lists them.
        let expected = [[2, 3, 4, 6], [0, 3, 2, 5], [0, 3, 5, 6], [5, 0, 6, 1], [0, 0, 1, 1]];
        assert_eq!(bounds(&rows, 9), expected);
        assert_eq!(bounds(&rows, 2), expected[..2]);
    }

    #[test]
    fn components_that_meet_late_are_one() {
        assert_eq!(bounds(&["#.#.#", "#.#.#", "#####"], 9), [[0, 0, 4, 2]]);
        assert_eq!(bounds(&["#...#", ".#.#.", "..#.."], 9), [[0, 0, 4, 2]]);
        // A diagonal does not close off what is not set.
        assert_eq!(bounds(&[".#.", "#.#", ".#."], 9).len(), 2);
        assert_eq!(bounds(&["...", "..."], 9), [[0_i32; 4]; 0]);
    }

    #[test]
    fn a_dilated_pixel_covers_three_more() {
        let dilated = bitmap(&["#..", "..#", "..."]).dilated();
        assert_eq!(dilated.pixels, bitmap(&["##.", "###", "..#"]).pixels);
    }
}
