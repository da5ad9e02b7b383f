//! How far two tensors are apart, and how far the order of sums may move them.

use std::fmt;

use amaas_wire::{Tensor, TensorData};
use half::{bf16, f16};

/// How far two tensors are apart. Values that are no number count as equal to each other, and so do infinities of one sign.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct TensorGap {
    /// Of floats: the largest difference.
    pub(super) furthest: f64,
    /// Of all other values: how many are not the same.
    pub(super) differing: usize,
    /// How many values there are.
    pub(super) of: usize,
}

impl TensorGap {
    /// Whether there is none.
    pub(super) fn is_none(self) -> bool {
        self.furthest <= 0.0 && self.differing == 0
    }

    /// Whether the order of sums explains it in a tensor such as `tensor`, of which `largest` is the largest magnitude.
    pub(super) fn is_within(self, tensor: &Tensor, largest: f64) -> bool {
        self.differing == 0 && (self.furthest <= 0.0 || self.furthest <= rounding(tensor) * largest)
    }

    /// Whether it is far more than any order of sums explains, and any datatype inside of a network: what stays below may be how a
    /// kernel rounds runs of another size.
    pub(super) fn is_large(self, largest: f64) -> bool {
        self.furthest > 0.05 * largest || self.differing * 2 > self.of
    }

    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            furthest: self.furthest.max(other.furthest),
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
        write!(f, "off by up to {:e}", self.furthest)
    }
}

/// How far `got` is from `expected`; `None` where shapes or datatypes differ.
pub(super) fn gap(expected: &Tensor, got: &Tensor) -> Option<TensorGap> {
    if (expected.datatype(), expected.shape()) != (got.datatype(), got.shape()) {
        return None;
    }
    let of = expected.data().len();
    let floats = |furthest| Some(TensorGap { furthest, differing: 0, of });
    macro_rules! others {
        ($($variant:ident)*) => {
            match (expected.data(), got.data()) {
                (TensorData::Fp16(a), TensorData::Fp16(b)) => floats(furthest(a, b)),
                (TensorData::Bf16(a), TensorData::Bf16(b)) => floats(furthest(a, b)),
                (TensorData::Fp32(a), TensorData::Fp32(b)) => floats(furthest(a, b)),
                (TensorData::Fp64(a), TensorData::Fp64(b)) => floats(furthest(a, b)),
                $((TensorData::$variant(a), TensorData::$variant(b)) => {
                    let differing = a.iter().zip(b.iter()).filter(|(a, b)| a != b).count();
                    Some(TensorGap { furthest: 0.0, differing, of })
                })*
                _ => None,
            }
        };
    }
    others!(Bool Uint8 Uint16 Uint32 Uint64 Int8 Int16 Int32 Int64 Bytes)
}

fn furthest<F: Copy + Into<f64>>(a: &[F], b: &[F]) -> f64 {
    let off = |(a, b): (&F, &F)| {
        let (a, b): (f64, f64) = ((*a).into(), (*b).into());
        let same = a.total_cmp(&b).is_eq() || (a.is_nan() && b.is_nan());
        let off = if same { 0.0 } else { (a - b).abs() };
        // A number is as far from none as can be.
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

/// How far values of a tensor are rounded, as a part of the largest: sums of another order differ by some 1e-7 of it, and rows that see
/// one another by far more. A float16 has 11 bits of its own, a bfloat16 8.
fn rounding(tensor: &Tensor) -> f64 {
    match tensor.data() {
        TensorData::Fp16(_) => 2e-3,
        TensorData::Bf16(_) => 2e-2,
        _ => 1e-5,
    }
}

/// How far a tensor such as this may be off, absolutely, where it was computed in another order.
pub(in crate::publish) fn tolerance(tensor: &Tensor) -> f64 {
    let (rounding, largest) = (rounding(tensor), magnitude(tensor));
    if matches!(tensor.data(), TensorData::Fp16(_) | TensorData::Bf16(_)) {
        return rounding / 2.0 * largest.max(1e-4);
    }
    rounding * largest.max(1e-2)
}

/// The same values, each moved by some of its last bits in one of many patterns: what a network makes of that, the order of sums can
/// make too.
pub(super) fn nudged(row: &[Tensor], pattern: usize) -> Vec<Tensor> {
    let nudge = |(place, tensor): (usize, &Tensor)| {
        // Up and down without a pattern that a network could take out.
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
