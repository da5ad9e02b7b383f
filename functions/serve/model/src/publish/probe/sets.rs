//! The rows of a trial: those of golden cases, and synthetic ones of many magnitudes.

use amaas_wire::{Datatype, Tensor};

use super::InputRow;
use crate::manifest::GoldenCases;
use amaas_engine::infer::{IntegerRange, SyntheticValues, split, synthetic_inputs_like};
use amaas_engine::{Dim, TensorSpec};

/// Rows, and as many replacement rows of the same shapes, each different from the row at its position.
#[derive(Clone, Debug)]
pub(super) struct RowSet {
    pub(super) rows: Vec<InputRow>,
    pub(super) replacements: Vec<InputRow>,
}

impl RowSet {
    /// The same with only the inputs in `sent`.
    pub(super) fn with_inputs(&self, sent: &[&str]) -> Self {
        let keep = |rows: &[InputRow]| {
            let row = |row: &InputRow| row.iter().filter(|tensor| sent.contains(&tensor.name())).cloned().collect();
            rows.iter().map(row).collect()
        };
        Self { rows: keep(&self.rows), replacements: keep(&self.replacements) }
    }
}

/// The largest group of golden rows with the same shapes. Cases with several rows are split.
pub(super) fn golden_set(golden: &GoldenCases, inputs: &[TensorSpec]) -> Option<RowSet> {
    let mut groups: Vec<Vec<InputRow>> = Vec::new();
    for case in &golden.cases {
        let Some(rows) = case.inputs.first().and_then(Tensor::rows) else { continue };
        for row in split(&case.inputs, &vec![1; rows]).into_iter().flatten() {
            let row = complete_row(&row, inputs)?;
            let shapes = |row: &InputRow| row.iter().map(|tensor| tensor.shape().to_vec()).collect::<Vec<_>>();
            match groups.iter_mut().find(|group| shapes(&group[0]) == shapes(&row)) {
                Some(group) if group.len() < MAX_SET_ROWS && !group.contains(&row) => group.push(row),
                Some(_) => {}
                None => groups.push(vec![row]),
            }
        }
    }
    let rows = groups.into_iter().max_by_key(Vec::len).filter(|rows| rows.len() > 1)?;
    let replacements = rows.iter().cycle().skip(1).take(rows.len()).cloned().collect();
    Some(RowSet { rows, replacements })
}

/// `inputs` with the sizes of the first case in place of dynamic ones; `None` if no size is dynamic.
pub(super) fn shaped_like(golden: &GoldenCases, inputs: &[TensorSpec]) -> Option<Vec<TensorSpec>> {
    let case = golden.cases.first()?;
    let shaped = |input: &TensorSpec| {
        let Some(tensor) = case.inputs.iter().find(|tensor| tensor.name() == input.name) else { return input.clone() };
        let sizes = input.shape.iter().zip(tensor.shape()).enumerate();
        let size = |(place, (dim, size)): (usize, (&Dim, &usize))| match dim {
            Dim::Symbol(_) if place > 0 => Dim::Fixed(*size),
            dim => dim.clone(),
        };
        TensorSpec { shape: sizes.map(size).collect(), ..input.clone() }
    };
    let shaped: Vec<_> = inputs.iter().map(shaped).collect();
    (shaped != inputs).then_some(shaped)
}

/// A golden row in the order of the network's inputs, with synthetic values for omitted ones.
fn complete_row(row: &[Tensor], inputs: &[TensorSpec]) -> Option<InputRow> {
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        match row.iter().find(|tensor| tensor.name() == input.name) {
            Some(tensor) => all.push(tensor.clone()),
            None => all.extend(synthetic_inputs_like([input], 1, SyntheticValues::default()).ok()?),
        }
    }
    Some(all)
}

/// Sets of synthetic rows, the most revealing first.
pub(super) fn synthetic_sets(
    inputs: &[TensorSpec],
    like: SyntheticValues,
) -> impl Iterator<Item = Result<RowSet, String>> + '_ {
    variations(inputs, like.length)
        .into_iter()
        .zip(1..)
        .map(move |((own, other), number)| make_set(inputs, own, other, number * 1000))
}

/// The kinds of values of rows, and of their replacements.
fn variations(inputs: &[TensorSpec], length: usize) -> Vec<(SyntheticValues, SyntheticValues)> {
    let is_float = |input: &TensorSpec| {
        matches!(input.datatype, Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64)
    };
    let is_integer =
        |input: &TensorSpec| !is_float(input) && !matches!(input.datatype, Datatype::Bool | Datatype::Bytes);
    let is_open =
        |input: &TensorSpec| input.unranked || input.shape.iter().skip(1).any(|dim| matches!(dim, Dim::Symbol(_)));
    let scales: &[_] = if inputs.iter().any(is_float) { &SCALE_PAIRS } else { &SCALE_PAIRS[..1] };
    let ranges: &[_] = if inputs.iter().any(is_integer) { &RANGE_PAIRS } else { &RANGE_PAIRS[..1] };
    let lengths: &[_] = if inputs.iter().any(is_open) { &EXTRA_LENGTHS } else { &[] };
    let like = |scale, integers| SyntheticValues { scale, integers, length };
    let one =
        |scale: &(f32, f32), range: &(IntegerRange, IntegerRange)| (like(scale.0, range.0), like(scale.1, range.1));
    // Each scale and range once, then all combinations.
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

/// Rows of the kind `own` and replacements of the kind `other`, as many as [`MAX_SET_VALUES`] allows.
fn make_set(inputs: &[TensorSpec], own: SyntheticValues, other: SyntheticValues, seed: u64) -> Result<RowSet, String> {
    let first = synthetic_inputs_like(inputs, seed, own)?;
    let count: usize = first.iter().map(|tensor| tensor.data().len()).sum();
    let rows = (MAX_SET_VALUES / count.max(1) / 2).clamp(2, MAX_SET_ROWS) as u64;
    let many = |seed: u64, like| {
        (0..rows).map(|row| synthetic_inputs_like(inputs, seed + row, like)).collect::<Result<_, _>>()
    };
    Ok(RowSet { rows: many(seed, own)?, replacements: many(seed + 100, other)? })
}

/// Magnitudes of floats, of rows and of replacements.
const SCALE_PAIRS: [(f32, f32); 6] = [(1.0, 1.0), (1.0, 1e6), (1e3, 1e-3), (1e-6, 1e6), (1e6, 1e-6), (1e-3, 1e3)];
/// Ranges of integers, of rows and of replacements.
const RANGE_PAIRS: [(IntegerRange, IntegerRange); 4] = [
    (IntegerRange::Bits, IntegerRange::Bits),
    (IntegerRange::Thousand, IntegerRange::Bits),
    (IntegerRange::Bits, IntegerRange::Thousand),
    (IntegerRange::Full, IntegerRange::Full),
];
/// Further sizes of dynamic dimensions.
const EXTRA_LENGTHS: [usize; 4] = [7, 1, 16, 3];
/// An odd number, larger than SIMD vectors of two or four lanes.
pub(super) const MAX_SET_ROWS: usize = 7;
/// Values of all rows of a set with their replacements; 64 MiB of FP32.
const MAX_SET_VALUES: usize = 1 << 24;
