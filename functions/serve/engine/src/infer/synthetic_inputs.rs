//! Synthetic inputs, for trial runs when a network is published and for a warm-up run before the first call.

use amaas_wire::{Datatype, Tensor, TensorData};
use half::{bf16, f16};

use super::dim_sizes::DimSizes;
use crate::split_mix::SplitMix64;
use crate::tensor_spec::{Dim, TensorSpec};

/// The range and size of synthetic values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SyntheticValues {
    /// Floats are between this and its negative.
    pub scale: f32,
    /// The range of integers.
    pub integers: IntegerRange,
    /// The size of free dimensions other than the first.
    pub length: usize,
}

/// The range of synthetic integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerRange {
    /// 0 and 1, which nearly every embedding table has.
    Bits,
    /// 0 to 1,000, or the datatype's maximum if that is smaller.
    Thousand,
    /// All values of the datatype.
    Full,
}

impl Default for SyntheticValues {
    /// Small values, which most networks accept.
    fn default() -> Self {
        Self { scale: 1.0, integers: IntegerRange::Bits, length: DEFAULT_LENGTH }
    }
}

/// One row of small synthetic values for `inputs`; each `seed` gives other values.
///
/// # Errors
/// If fixed dimensions require more values than a trial run may have.
pub fn synthetic_inputs<'s>(
    inputs: impl IntoIterator<Item = &'s TensorSpec> + Clone,
    seed: u64,
) -> Result<Vec<Tensor>, String> {
    synthetic_inputs_like(inputs, seed, SyntheticValues::default())
}

/// [`synthetic_inputs`] with values as `like` describes them.
///
/// # Errors
/// As for [`synthetic_inputs`].
pub fn synthetic_inputs_like<'s>(
    inputs: impl IntoIterator<Item = &'s TensorSpec> + Clone,
    seed: u64,
    like: SyntheticValues,
) -> Result<Vec<Tensor>, String> {
    let sizes = DimSizes::of(inputs.clone(), like.length);
    let mut left = MAX_VALUES;
    inputs
        .into_iter()
        .zip(1_u64..)
        .map(|(spec, number)| {
            let shape = shape(spec, &sizes, like.length);
            let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
            let (count, rest) = count
                .and_then(|count| Some((count, left.checked_sub(count)?)))
                .ok_or_else(|| format!("input {:?} is too large for a trial run", spec.name))?;
            left = rest;
            let data = values(spec.datatype, count, seed.wrapping_mul(1_000_003) ^ number, like);
            Tensor::new(spec.name.as_str(), shape, data).map_err(|error| error.to_string())
        })
        .collect()
}

fn shape(spec: &TensorSpec, sizes: &DimSizes<'_>, length: usize) -> Vec<usize> {
    if spec.unranked {
        return vec![1, length];
    }
    let size = |(axis, dim): (usize, &Dim)| match (dim.fixed(), dim.symbol()) {
        (Some(size), _) => size,
        (None, Some(symbol)) => sizes.size(symbol),
        (None, None) if axis == 0 => 1,
        (None, None) => length,
    };
    spec.shape.iter().enumerate().map(size).collect()
}

#[allow(clippy::cast_precision_loss)] // 24 bits fit
fn values(datatype: Datatype, count: usize, seed: u64, like: SyntheticValues) -> TensorData {
    let mut numbers = SplitMix64::new(seed);
    let mut next = || numbers.next_u64();
    macro_rules! integers {
        ($variant:ident, $type:ty) => {{
            const WIDTH: usize = size_of::<$type>();
            let mut one = || {
                let number = next();
                match like.integers {
                    IntegerRange::Bits => <$type>::from(number % 2 == 1),
                    IntegerRange::Thousand => <$type>::try_from(number % 1001).unwrap_or(<$type>::MAX),
                    IntegerRange::Full => {
                        let mut bytes = [0; WIDTH];
                        bytes.copy_from_slice(&number.to_le_bytes()[..WIDTH]);
                        <$type>::from_le_bytes(bytes)
                    }
                }
            };
            TensorData::$variant((0..count).map(|_| one()).collect())
        }};
    }
    match datatype {
        Datatype::Bool => return TensorData::Bool((0..count).map(|_| next() % 2 == 1).collect()),
        Datatype::Uint8 => return integers!(Uint8, u8),
        Datatype::Uint16 => return integers!(Uint16, u16),
        Datatype::Uint32 => return integers!(Uint32, u32),
        Datatype::Uint64 => return integers!(Uint64, u64),
        Datatype::Int8 => return integers!(Int8, i8),
        Datatype::Int16 => return integers!(Int16, i16),
        Datatype::Int32 => return integers!(Int32, i32),
        Datatype::Int64 => return integers!(Int64, i64),
        Datatype::Bytes => {
            let texts = (0..count).map(|_| TEXTS[usize::try_from(next() % TEXTS.len() as u64).unwrap_or(0)].to_owned());
            return TensorData::Bytes(texts.collect());
        }
        Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64 => {}
    }
    // The largest float16 is 65,504.
    let scale = if datatype == Datatype::Fp16 { like.scale.min(1e4) } else { like.scale };
    let mut float = || ((next() >> 40) as f32 / (1_u64 << 24) as f32 * 2.0 - 1.0) * scale;
    match datatype {
        Datatype::Fp16 => TensorData::Fp16((0..count).map(|_| f16::from_f32(float())).collect()),
        Datatype::Bf16 => TensorData::Bf16((0..count).map(|_| bf16::from_f32(float())).collect()),
        Datatype::Fp64 => TensorData::Fp64((0..count).map(|_| f64::from(float())).collect()),
        _ => TensorData::Fp32((0..count).map(|_| float()).collect()),
    }
}

const TEXTS: [&str; 2] = ["a", "b"];
const DEFAULT_LENGTH: usize = 4;
/// The bound on the values of all inputs together: 64 MiB of FP32.
const MAX_VALUES: usize = 1 << 24;

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
        let made = synthetic_inputs(&inputs, 1).expect("small");
        let shapes: Vec<_> = made.iter().map(Tensor::shape).collect();
        assert_eq!(shapes, [&[1, 1, 3][..], &[1, 4], &[], &[0, 7], &[1, 4]]);
        assert_ne!(made, synthetic_inputs(&inputs, 2).expect("small"));
        let longer = synthetic_inputs_like(&inputs, 1, SyntheticValues { length: 7, ..SyntheticValues::default() })
            .expect("small");
        let shapes: Vec<_> = longer.iter().map(Tensor::shape).collect();
        assert_eq!(shapes, [&[1, 1, 3][..], &[1, 7], &[], &[0, 7], &[1, 7]]);
        for large in [vec![Dim::Fixed(1 << 25)], vec![Dim::Fixed(usize::MAX), Dim::Fixed(2)]] {
            let error = synthetic_inputs(&[spec("a", vec![]), spec("x", large)], 1).expect_err("large");
            assert_eq!(error, "input \"x\" is too large for a trial run");
        }
    }

    #[test]
    fn values_are_as_large_as_they_are_to_be() {
        let made = |datatype, like| {
            let spec = TensorSpec::new("x", datatype, vec![Dim::Fixed(1), Dim::Fixed(999)]);
            synthetic_inputs_like(&[spec], 1, like).expect("small").remove(0).into_parts().2
        };
        let scaled = |scale| SyntheticValues { scale, ..SyntheticValues::default() };
        let ranged = |integers| SyntheticValues { integers, ..SyntheticValues::default() };
        for scale in [1e-6, 1.0, 1e6] {
            let TensorData::Fp32(values) = made(Datatype::Fp32, scaled(scale)) else { panic!("FP32") };
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            assert!(largest <= scale && largest > scale / 2.0, "{scale}: {largest}");
        }
        let TensorData::Fp16(values) = made(Datatype::Fp16, scaled(1e6)) else { panic!("FP16") };
        assert!(values.iter().all(|value| value.is_finite()));
        for (integers, least, most) in [(IntegerRange::Bits, 0, 1), (IntegerRange::Thousand, 0, 1000)] {
            let TensorData::Int64(values) = made(Datatype::Int64, ranged(integers)) else { panic!("INT64") };
            let (low, high) = (values.iter().min().copied(), values.iter().max().copied());
            assert!(low >= Some(least) && high <= Some(most) && high > Some(most / 2), "{low:?} {high:?}");
        }
        let TensorData::Int64(values) = made(Datatype::Int64, ranged(IntegerRange::Full)) else { panic!("INT64") };
        assert!(values.iter().any(|value| *value < i64::MIN / 2) && values.iter().any(|value| *value > i64::MAX / 2));
        let TensorData::Uint8(values) = made(Datatype::Uint8, ranged(IntegerRange::Thousand)) else { panic!("UINT8") };
        assert!(values.contains(&u8::MAX) && values.iter().any(|value| *value < 100));
    }
}
