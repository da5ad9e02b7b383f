//! Whether the first dimension is a batch: it is not enough that it has no fixed size, for that may be a length just as
//! well, and rows of different callers would change one another's answers. So two rows are run alone and together.
//!
//! A trial shows nothing of outputs that happen to have one row for each input, such as the boxes that a detector finds;
//! giving such rows apart would hand one caller another's. So all inputs and outputs must name their first dimension, and
//! name it the same.

use amaas_wire::{Datatype, Tensor, TensorData};
use half::{bf16, f16};

use crate::infer::{Network, join, split};
use crate::load::compare;
use crate::manifest::{Dim, Golden, TensorSpec};

/// Ok where rows may share a run; else why not.
pub(super) fn probe(
    network: &mut impl Network,
    inputs: &[TensorSpec],
    outputs: &[TensorSpec],
    golden: Option<&Golden>,
) -> Result<(), String> {
    same_batch(inputs.iter().chain(outputs))?;
    let rows = match golden.and_then(golden_rows) {
        Some(rows) => rows,
        None => [made_row(inputs, 1)?, made_row(inputs, 2)?],
    };
    let mut run = |inputs: &[Tensor]| network.run(inputs).map_err(|error| format!("a trial run failed: {error}"));
    let alone = [run(&rows[0])?, run(&rows[1])?];
    let joined = join(&[&rows[0], &rows[1]]).map_err(|error| error.to_string())?;
    let together = split(&run(&joined)?, &[1, 1]).ok_or("the outputs do not have a row for each row of the inputs")?;
    if alone[0] == alone[1] {
        return Err("two different rows gave the same answer, which shows nothing".to_owned());
    }
    for (alone, together) in alone.iter().flatten().zip(together.iter().flatten()) {
        compare(alone, together, tolerance(alone)).map_err(|what| format!("rows change one another: {what}"))?;
    }
    Ok(())
}

/// Runs the network once, on made-up values.
pub(super) fn trial(network: &mut impl Network, inputs: &[TensorSpec]) -> Result<(), String> {
    network.run(&made_row(inputs, 1)?).map(drop).map_err(|error| error.to_string())
}

/// Whether the first dimensions of all tensors are one and the same symbol.
fn same_batch<'s>(specs: impl Iterator<Item = &'s TensorSpec>) -> Result<(), String> {
    let mut batch: Option<&str> = None;
    for spec in specs {
        let symbol = match spec.shape.first() {
            Some(Dim::Symbol(symbol)) if symbol.is_empty() => {
                return Err(format!("the first dimension of {:?} has no name, such as \"batch\"", spec.name));
            }
            Some(Dim::Symbol(symbol)) => symbol,
            Some(Dim::Fixed(_)) | None => {
                return Err(format!("the first dimension of {:?} has a fixed size", spec.name));
            }
        };
        if *batch.get_or_insert(symbol) != symbol.as_str() {
            return Err(format!("first dimensions have different names: {symbol:?} of {:?} is another one", spec.name));
        }
    }
    Ok(())
}

/// The first two golden cases of one row each and of equal shapes.
fn golden_rows(golden: &Golden) -> Option<[Vec<Tensor>; 2]> {
    let single = |inputs: &&Vec<Tensor>| inputs.iter().all(|input| input.rows() == Some(1));
    let mut cases = golden.cases.iter().map(|case| &case.inputs).filter(single);
    let first = cases.next()?;
    let shapes = |inputs: &[Tensor]| inputs.iter().map(|input| input.shape().to_vec()).collect::<Vec<_>>();
    let second = cases.find(|case| *case != first && shapes(case) == shapes(first))?;
    Some([first.clone(), second.clone()])
}

/// One row of made-up values, other ones for each `seed`: small, since most networks take them.
fn made_row(inputs: &[TensorSpec], seed: u64) -> Result<Vec<Tensor>, String> {
    inputs.iter().zip(1_u64..).map(|(spec, number)| made_tensor(spec, seed.wrapping_mul(1_000_003) ^ number)).collect()
}

#[allow(clippy::cast_precision_loss)] // 24 bits fit
fn made_tensor(spec: &TensorSpec, seed: u64) -> Result<Tensor, String> {
    let size = |dim: &Dim| dim.fixed().unwrap_or(MADE_LENGTH);
    let first = spec.shape.first().map(|dim| dim.fixed().unwrap_or(1));
    let shape: Vec<usize> = first.into_iter().chain(spec.shape.iter().skip(1).map(size)).collect();
    let count = shape.iter().try_fold(1_usize, |count, dim| count.checked_mul(*dim));
    let count = count.filter(|count| *count <= LARGEST_MADE).ok_or("an input is too large for a trial run")?;
    // SplitMix64, so that the trial is the same every time.
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    macro_rules! integers {
        ($variant:ident, $type:ty) => {
            TensorData::$variant((0..count).map(|_| <$type>::from(next() % 2 == 1)).collect())
        };
    }
    let mut float = || (next() >> 40) as f32 / (1_u64 << 24) as f32 * 2.0 - 1.0;
    let data = match spec.datatype {
        Datatype::Fp16 => TensorData::Fp16((0..count).map(|_| f16::from_f32(float())).collect()),
        Datatype::Bf16 => TensorData::Bf16((0..count).map(|_| bf16::from_f32(float())).collect()),
        Datatype::Fp32 => TensorData::Fp32((0..count).map(|_| float()).collect()),
        Datatype::Fp64 => TensorData::Fp64((0..count).map(|_| f64::from(float())).collect()),
        Datatype::Bool => TensorData::Bool((0..count).map(|_| next() % 2 == 1).collect()),
        Datatype::Uint8 => integers!(Uint8, u8),
        Datatype::Uint16 => integers!(Uint16, u16),
        Datatype::Uint32 => integers!(Uint32, u32),
        Datatype::Uint64 => integers!(Uint64, u64),
        Datatype::Int8 => integers!(Int8, i8),
        Datatype::Int16 => integers!(Int16, i16),
        Datatype::Int32 => integers!(Int32, i32),
        Datatype::Int64 => integers!(Int64, i64),
        Datatype::Bytes => {
            TensorData::Bytes((0..count).map(|_| ["a", "b"][(next() % 2) as usize].to_owned()).collect())
        }
    };
    Tensor::new(spec.name.as_str(), shape, data).map_err(|error| error.to_string())
}

/// Sums of another order differ by some 1e-7 of the values; rows that see one another differ by far more.
fn tolerance(tensor: &Tensor) -> f64 {
    let largest = match tensor.data() {
        TensorData::Fp16(values) => {
            values.iter().fold(0.0, |largest: f64, value| largest.max(value.to_f64().abs())) * 100.0
        }
        // A bfloat16 has 8 bits of its own.
        TensorData::Bf16(values) => {
            values.iter().fold(0.0, |largest: f64, value| largest.max(value.to_f64().abs())) * 1000.0
        }
        TensorData::Fp32(values) => values.iter().fold(0.0, |largest: f64, value| largest.max(f64::from(value.abs()))),
        TensorData::Fp64(values) => values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs())),
        _ => 0.0,
    };
    1e-5 * largest.max(1e-2)
}

const MADE_LENGTH: usize = 4;
const LARGEST_MADE: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::RunError;

    fn spec(name: &str, shape: Vec<Dim>) -> TensorSpec {
        TensorSpec { name: name.to_owned(), datatype: Datatype::Fp32, shape }
    }

    /// A network that is a function.
    struct Function(fn(&[f32]) -> Vec<f32>);

    impl Network for Function {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            let values = self.0(inputs[0].data().as_f32().expect("FP32"));
            let (rows, width) = (inputs[0].shape()[0], values.len() / inputs[0].shape()[0]);
            Ok(vec![Tensor::new("y", vec![rows, width], values).expect("whole rows")])
        }
    }

    fn probed(function: fn(&[f32]) -> Vec<f32>, first: Dim) -> Result<(), String> {
        let inputs = [spec("x", vec![first, Dim::Fixed(4)])];
        let outputs = [spec("y", vec![Dim::Symbol("n".to_owned()), Dim::Symbol(String::new())])];
        probe(&mut Function(function), &inputs, &outputs, None)
    }

    #[test]
    fn only_independent_rows_may_share_a_run() {
        let any = || Dim::Symbol("n".to_owned());
        assert_eq!(probed(|x| x.iter().map(|x| x * 2.0).collect(), any()), Ok(()));
        let along_the_batch = |x: &[f32]| {
            let mean = x.iter().sum::<f32>() / 8.0;
            x.iter().map(|x| x - mean).collect()
        };
        assert!(probed(along_the_batch, any()).expect_err("rows change one another").contains("change one another"));
        let running = |x: &[f32]| {
            x.iter()
                .scan(0.0, |sum, x| {
                    *sum += x;
                    Some(*sum)
                })
                .collect()
        };
        assert!(probed(running, any()).is_err());
        assert!(probed(|x| vec![1.0; x.len()], any()).expect_err("constant").contains("shows nothing"));
        let symbol = |name: &str| Dim::Symbol(name.to_owned());
        assert!(probed(<[f32]>::to_vec, symbol("boxes")).expect_err("boxes").contains("\"n\" of \"y\" is another one"));
        assert!(probed(<[f32]>::to_vec, symbol("")).expect_err("unnamed").contains("has no name"));
        assert!(probed(<[f32]>::to_vec, Dim::Fixed(1)).expect_err("fixed").contains("fixed size"));
    }
}
