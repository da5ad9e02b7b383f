//! The rows that a trial runs: those of golden cases, and made-up ones of all sizes.

use amaas_wire::{Datatype, Tensor};

use super::Row;
use crate::manifest::Golden;
use amaas_engine::infer::{IntegerRange, SyntheticValues, split, synthetic_inputs_like};
use amaas_engine::{Dim, TensorSpec};

/// Rows, and others of the same shapes to stand in their places: as many, each another one than the row in its place.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) rows: Vec<Row>,
    pub(super) strangers: Vec<Row>,
}

impl Set {
    /// The same with only the inputs in `sent`.
    pub(super) fn only(&self, sent: &[&str]) -> Self {
        let only = |rows: &[Row]| {
            let row = |row: &Row| row.iter().filter(|tensor| sent.contains(&tensor.name())).cloned().collect();
            rows.iter().map(row).collect()
        };
        Self { rows: only(&self.rows), strangers: only(&self.strangers) }
    }
}

/// Golden rows of one shape, the largest such group. Cases with many rows are taken apart.
pub(super) fn of_golden(golden: &Golden, inputs: &[TensorSpec]) -> Option<Set> {
    let mut groups: Vec<Vec<Row>> = Vec::new();
    for case in &golden.cases {
        let Some(rows) = case.inputs.first().and_then(Tensor::rows) else { continue };
        for row in split(&case.inputs, &vec![1; rows]).into_iter().flatten() {
            let row = completed(&row, inputs)?;
            let shapes = |row: &Row| row.iter().map(|tensor| tensor.shape().to_vec()).collect::<Vec<_>>();
            match groups.iter_mut().find(|group| shapes(&group[0]) == shapes(&row)) {
                Some(group) if group.len() < MOST_ROWS && !group.contains(&row) => group.push(row),
                Some(_) => {}
                None => groups.push(vec![row]),
            }
        }
    }
    let rows = groups.into_iter().max_by_key(Vec::len).filter(|rows| rows.len() > 1)?;
    let strangers = rows.iter().cycle().skip(1).take(rows.len()).cloned().collect();
    Some(Set { rows, strangers })
}

/// A golden row in the network's order, with made-up values for what it leaves out.
fn completed(row: &[Tensor], inputs: &[TensorSpec]) -> Option<Row> {
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        match row.iter().find(|tensor| tensor.name() == input.name) {
            Some(tensor) => all.push(tensor.clone()),
            None => all.extend(synthetic_inputs_like([input], 1, SyntheticValues::default()).ok()?),
        }
    }
    Some(all)
}

/// Sets of made-up rows, those that find most first.
pub(super) fn made_up_sets(
    inputs: &[TensorSpec],
    like: SyntheticValues,
) -> impl Iterator<Item = Result<Set, String>> + '_ {
    variations(inputs, like.length)
        .into_iter()
        .zip(1..)
        .map(move |((own, other), number)| made(inputs, own, other, number * 1000))
}

/// What rows are like, and those that stand beside them.
fn variations(inputs: &[TensorSpec], length: usize) -> Vec<(SyntheticValues, SyntheticValues)> {
    let is_float = |input: &TensorSpec| {
        matches!(input.datatype, Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64)
    };
    let is_integer =
        |input: &TensorSpec| !is_float(input) && !matches!(input.datatype, Datatype::Bool | Datatype::Bytes);
    let is_open =
        |input: &TensorSpec| input.unranked || input.shape.iter().skip(1).any(|dim| matches!(dim, Dim::Symbol(_)));
    let scales: &[_] = if inputs.iter().any(is_float) { &SCALES } else { &SCALES[..1] };
    let ranges: &[_] = if inputs.iter().any(is_integer) { &RANGES } else { &RANGES[..1] };
    let lengths: &[_] = if inputs.iter().any(is_open) { &LENGTHS } else { &[] };
    let like = |scale, integers| SyntheticValues { scale, integers, length };
    let one =
        |scale: &(f32, f32), range: &(IntegerRange, IntegerRange)| (like(scale.0, range.0), like(scale.1, range.1));
    // Each scale and each range once, then each with each.
    let most = scales.len().max(ranges.len());
    let mut all: Vec<_> =
        (0..most).map(|place| one(&scales[place % scales.len()], &ranges[place % ranges.len()])).collect();
    all.extend(lengths.iter().map(|length| {
        let like = SyntheticValues { length: *length, ..SyntheticValues::default() };
        (like, like)
    }));
    for scale in scales {
        for range in ranges {
            let one = one(scale, range);
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// Rows like `own` and strangers like `other`, as many as there is room for.
fn made(inputs: &[TensorSpec], own: SyntheticValues, other: SyntheticValues, seed: u64) -> Result<Set, String> {
    let first = synthetic_inputs_like(inputs, seed, own)?;
    let count: usize = first.iter().map(|tensor| tensor.data().len()).sum();
    let rows = (MOST_VALUES / count.max(1) / 2).clamp(2, MOST_ROWS) as u64;
    let many = |seed: u64, like| {
        (0..rows).map(|row| synthetic_inputs_like(inputs, seed + row, like)).collect::<Result<_, _>>()
    };
    Ok(Set { rows: many(seed, own)?, strangers: many(seed + 100, other)? })
}

/// Of floats, of the rows and of those beside them.
const SCALES: [(f32, f32); 6] = [(1.0, 1.0), (1.0, 1e6), (1e3, 1e-3), (1e-6, 1e6), (1e6, 1e-6), (1e-3, 1e3)];
/// Of integers.
const RANGES: [(IntegerRange, IntegerRange); 4] = [
    (IntegerRange::Bits, IntegerRange::Bits),
    (IntegerRange::Thousand, IntegerRange::Bits),
    (IntegerRange::Bits, IntegerRange::Thousand),
    (IntegerRange::Full, IntegerRange::Full),
];
/// Of dimensions that a caller may choose, beside those of the other sets.
const LENGTHS: [usize; 4] = [7, 1, 16, 3];
/// An odd number, more than fit a vector of two or four.
pub(super) const MOST_ROWS: usize = 7;
/// Of all rows of a set and their strangers; 64 MiB of FP32.
const MOST_VALUES: usize = 1 << 24;
