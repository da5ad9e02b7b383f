//! The difference between two tensors, and how much of it the order of sums explains.

use std::fmt;

use amaas_wire::{Tensor, TensorData};
use half::{bf16, f16};

/// The difference between two tensors. NaNs are equal to each other, and so are infinities of one sign.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct TensorGap {
    /// The largest difference between floats.
    pub(super) max_difference: f64,
    /// The number of other values that differ.
    pub(super) differing: usize,
    /// The number of values.
    pub(super) of: usize,
}

impl TensorGap {
    /// Whether there is no difference.
    pub(super) fn is_none(self) -> bool {
        self.max_difference <= 0.0 && self.differing == 0
    }

    /// Whether the order of sums explains it, in a tensor like `tensor` with the largest magnitude `largest`.
    pub(super) fn is_within(self, tensor: &Tensor, largest: f64) -> bool {
        self.differing == 0 && (self.max_difference <= 0.0 || self.max_difference <= rounding(tensor) * largest)
    }

    /// Whether it is far more than the order of sums or an inner datatype explains. Smaller differences may be due to kernels
    /// that round batches of another size differently.
    pub(super) fn is_large(self, largest: f64) -> bool {
        self.max_difference > 0.05 * largest || self.differing * 2 > self.of
    }

    /// Combines both.
    pub(super) fn combine(self, other: Self) -> Self {
        Self {
            max_difference: self.max_difference.max(other.max_difference),
            differing: self.differing + other.differing,
            of: self.of + other.of,
        }
    }
}

impl fmt::Display for TensorGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differing > 0 {
            return write!(f, "{} of {} values are not the same", self.differing, self.of);
        }
        write!(f, "off by up to {:e}", self.max_difference)
    }
}

/// The difference between `expected` and `got`; `None` if shapes or datatypes differ.
pub(super) fn gap(expected: &Tensor, got: &Tensor) -> Option<TensorGap> {
    if (expected.datatype(), expected.shape()) != (got.datatype(), got.shape()) {
        return None;
    }
    let of = expected.data().len();
    let floats = |max_difference| Some(TensorGap { max_difference, differing: 0, of });
    macro_rules! others {
        ($($variant:ident)*) => {
            match (expected.data(), got.data()) {
                (TensorData::Fp16(a), TensorData::Fp16(b)) => floats(max_difference(a, b)),
                (TensorData::Bf16(a), TensorData::Bf16(b)) => floats(max_difference(a, b)),
                (TensorData::Fp32(a), TensorData::Fp32(b)) => floats(max_difference(a, b)),
                (TensorData::Fp64(a), TensorData::Fp64(b)) => floats(max_difference(a, b)),
                $((TensorData::$variant(a), TensorData::$variant(b)) => {
                    let differing = a.iter().zip(b.iter()).filter(|(a, b)| a != b).count();
                    Some(TensorGap { max_difference: 0.0, differing, of })
                })*
                _ => None,
            }
        };
    }
    others!(Bool Uint8 Uint16 Uint32 Uint64 Int8 Int16 Int32 Int64 Bytes)
}

fn max_difference<F: Copy + Into<f64>>(a: &[F], b: &[F]) -> f64 {
    let off = |(a, b): (&F, &F)| {
        let (a, b): (f64, f64) = ((*a).into(), (*b).into());
        let same = a.total_cmp(&b).is_eq() || (a.is_nan() && b.is_nan());
        let off = if same { 0.0 } else { (a - b).abs() };
        // A number differs from NaN without bound.
        if off.is_nan() { f64::INFINITY } else { off }
    };
    a.iter().zip(b).map(off).fold(0.0, f64::max)
}

/// The largest magnitude of the finite values of a tensor.
pub(super) fn magnitude(tensor: &Tensor) -> f64 {
    fn of<F: Copy + Into<f64>>(values: &[F]) -> f64 {
        let finite = values.iter().map(|value| (*value).into().abs()).filter(|value: &f64| value.is_finite());
        finite.fold(0.0, f64::max)
    }
    match tensor.data() {
        TensorData::Fp16(values) => of(values),
        TensorData::Bf16(values) => of(values),
        TensorData::Fp32(values) => of(values),
        TensorData::Fp64(values) => of(values),
        _ => 0.0,
    }
}

/// The rounding of a tensor's values, relative to the largest: sums in another order differ by some 1e-7 of it, and dependent
/// rows by far more. FP16 has 11 significant bits, BF16 8.
fn rounding(tensor: &Tensor) -> f64 {
    match tensor.data() {
        TensorData::Fp16(_) => 2e-3,
        TensorData::Bf16(_) => 2e-2,
        _ => 1e-5,
    }
}

/// The absolute tolerance for a tensor like this, if it was computed in another order.
pub(in crate::publish) fn tolerance(tensor: &Tensor) -> f64 {
    let (rounding, largest) = (rounding(tensor), magnitude(tensor));
    if matches!(tensor.data(), TensorData::Fp16(_) | TensorData::Bf16(_)) {
        return rounding / 2.0 * largest.max(1e-4);
    }
    rounding * largest.max(1e-2)
}

/// The same values with nudged last bits, in one of many patterns. The order of sums can change outputs as much as such a
/// nudge.
pub(super) fn nudged(row: &[Tensor], pattern: usize) -> Vec<Tensor> {
    let nudge = |(place, tensor): (usize, &Tensor)| {
        // Pseudo-random signs, which a network cannot cancel out.
        let up = |at: usize| {
            let mixed = (at + 1).wrapping_mul(0x9E37_79B9).wrapping_add(pattern.wrapping_mul(0x85EB_CA6B));
            ((mixed >> 7) ^ (mixed >> 17) ^ place) & 1 == 0
        };
        let by = |at: usize, step: f32| if up(at) { 1.0 + step } else { 1.0 - step };
        let data = match tensor.data() {
            TensorData::Fp16(values) => {
                let moved = values.iter().enumerate().map(|(at, value)| f16::from_f32(value.to_f32() * by(at, 1e-3)));
                TensorData::Fp16(moved.collect())
            }
            TensorData::Bf16(values) => {
                let moved = values.iter().enumerate().map(|(at, value)| bf16::from_f32(value.to_f32() * by(at, 1e-2)));
                TensorData::Bf16(moved.collect())
            }
            TensorData::Fp32(values) => {
                TensorData::Fp32(values.iter().enumerate().map(|(at, value)| value * by(at, 1e-6)).collect())
            }
            TensorData::Fp64(values) => {
                TensorData::Fp64(values.iter().enumerate().map(|(at, value)| value * f64::from(by(at, 1e-6))).collect())
            }
            other => other.clone(),
        };
        Tensor::new(tensor.name(), tensor.shape().to_vec(), data).unwrap_or_else(|_| tensor.clone())
    };
    row.iter().enumerate().map(nudge).collect()
}
