//! Made-up values, for runs of which nobody wants the answer: a trial when a network is published, and a first run before the first
//! call.

use std::collections::BTreeMap;

use amaas_wire::{Datatype, Tensor, TensorData};
use half::{bf16, f16};

use crate::manifest::{Dim, TensorSpec};

/// One row of made-up values for `inputs`, other ones for each `seed`: small, since most networks take them.
///
/// # Errors
/// Where fixed dimensions ask for more values than a trial is worth.
pub(crate) fn made_up<'s>(
    inputs: impl IntoIterator<Item = &'s TensorSpec> + Clone,
    seed: u64,
) -> Result<Vec<Tensor>, String> {
    let sizes = sizes(inputs.clone());
    let mut left = MOST_VALUES;
    inputs
        .into_iter()
        .zip(1_u64..)
        .map(|(spec, number)| {
            let shape = shape(spec, &sizes);
            let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
            let (count, rest) = count
                .and_then(|count| Some((count, left.checked_sub(count)?)))
                .ok_or_else(|| format!("input {:?} is too large for a trial run", spec.name))?;
            left = rest;
            let data = values(spec.datatype, count, seed.wrapping_mul(1_000_003) ^ number);
            Tensor::new(spec.name.as_str(), shape, data).map_err(|error| error.to_string())
        })
        .collect()
}

/// The size of each symbol, the same wherever it stands: 1 where it is the first dimension of an input.
fn sizes<'s>(inputs: impl IntoIterator<Item = &'s TensorSpec>) -> BTreeMap<&'s str, usize> {
    let mut sizes = BTreeMap::new();
    for (axis, dim) in inputs.into_iter().flat_map(|spec| spec.shape.iter().enumerate()) {
        if let Dim::Symbol(symbol) = dim {
            let size = if axis == 0 { 1 } else { LENGTH };
            sizes.entry(symbol.as_str()).and_modify(|known: &mut usize| *known = size.min(*known)).or_insert(size);
        }
    }
    sizes
}

fn shape(spec: &TensorSpec, sizes: &BTreeMap<&str, usize>) -> Vec<usize> {
    if spec.unranked {
        return vec![1, LENGTH];
    }
    let size = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Fixed(size) => *size,
        Dim::Symbol(symbol) if symbol.is_empty() => {
            if axis == 0 {
                1
            } else {
                LENGTH
            }
        }
        Dim::Symbol(symbol) => sizes.get(symbol.as_str()).copied().unwrap_or(LENGTH),
    };
    spec.shape.iter().enumerate().map(size).collect()
}

#[allow(clippy::cast_precision_loss)] // 24 bits fit
fn values(datatype: Datatype, count: usize, seed: u64) -> TensorData {
    // SplitMix64, so that the values are the same every time.
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
    match datatype {
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
    }
}

const LENGTH: usize = 4;
/// Of all inputs together; 64 MiB of FP32.
const MOST_VALUES: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_small_and_agree() {
        let symbol = |name: &str| Dim::Symbol(name.to_owned());
        let spec = |name: &str, shape| TensorSpec::new(name, Datatype::Fp32, shape);
        let inputs = [
            spec("a", vec![symbol("n"), symbol("length"), Dim::Fixed(3)]),
            spec("b", vec![symbol("length"), symbol("")]),
            spec("c", vec![]),
            spec("d", vec![Dim::Fixed(0), Dim::Fixed(7)]),
            TensorSpec { unranked: true, ..spec("e", vec![]) },
        ];
        let made = made_up(&inputs, 1).expect("small");
        let shapes: Vec<_> = made.iter().map(Tensor::shape).collect();
        assert_eq!(shapes, [&[1, 1, 3][..], &[1, 4], &[], &[0, 7], &[1, 4]]);
        assert_ne!(made, made_up(&inputs, 2).expect("small"));
        for large in [vec![Dim::Fixed(1 << 25)], vec![Dim::Fixed(usize::MAX), Dim::Fixed(2)]] {
            let error = made_up(&[spec("a", vec![]), spec("x", large)], 1).expect_err("large");
            assert_eq!(error, "input \"x\" is too large for a trial run");
        }
    }
}
