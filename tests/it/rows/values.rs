//! Synthetic rows: reproducible numbers, of any scale.

use std::collections::BTreeMap;

use amaas::{Datatype, Tensor, TensorData};
use half::{bf16, f16};

/// An input of a network.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) datatype: Datatype,
    /// Sizes; a symbol for those that any call may choose.
    pub(super) dims: Vec<Result<usize, String>>,
}

/// The values of inputs and the sizes of dimensions, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    pub(super) values: BTreeMap<String, Range>,
    pub(super) sizes: BTreeMap<String, usize>,
}

/// The values of an input.
#[derive(Clone, Debug)]
pub(super) enum Range {
    Whole(i64, i64),
    Texts(Vec<String>),
}

impl Range {
    /// `0..3`, both included, or `one|two`.
    pub(super) fn parse(text: &str) -> Self {
        let numbers = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let texts = || Self::Texts(text.split('|').map(str::to_owned).collect());
        numbers.map_or_else(texts, |(from, to)| Self::Whole(from, to))
    }
}

impl Input {
    /// A tensor of one row. Fractions are between `-scale` and `scale`.
    pub(super) fn row(&self, batch: &str, ranges: &Ranges, scale: f64, random: &mut Random) -> Tensor {
        let size = |dim: &Result<usize, String>| match dim {
            Ok(size) => *size,
            Err(symbol) if symbol == batch => 1,
            Err(symbol) => {
                ranges.sizes.get(symbol).copied().unwrap_or(if matches!(symbol.as_str(), "H" | "W") { 4 } else { 3 })
            }
        };
        let shape: Vec<usize> = self.dims.iter().map(size).collect();
        let count = shape.iter().product();
        let range = ranges.values.get(&self.name);
        let data = self.data(count, range, scale, random);
        Tensor::new(self.name.clone(), shape, data).expect("as many as the shape has")
    }

    fn data(&self, count: usize, range: Option<&Range>, scale: f64, random: &mut Random) -> TensorData {
        let (from, to) = match range {
            Some(Range::Whole(from, to)) => (*from, *to),
            _ => (0, 4),
        };
        macro_rules! whole {
            ($type:ty) => {
                (0..count)
                    .map(|_| <$type>::try_from(random.whole(from, to)).unwrap_or_default())
                    .collect::<Vec<$type>>()
                    .into()
            };
        }
        let mut fraction = || random.fraction() * scale;
        match self.datatype {
            Datatype::Bool => TensorData::Bool((0..count).map(|_| random.whole(0, 1) == 1).collect()),
            Datatype::Uint8 => whole!(u8),
            Datatype::Uint16 => whole!(u16),
            Datatype::Uint32 => whole!(u32),
            Datatype::Uint64 => whole!(u64),
            Datatype::Int8 => whole!(i8),
            Datatype::Int16 => whole!(i16),
            Datatype::Int32 => whole!(i32),
            Datatype::Int64 => whole!(i64),
            Datatype::Fp16 => (0..count).map(|_| f16::from_f64(fraction())).collect::<Vec<_>>().into(),
            Datatype::Bf16 => (0..count).map(|_| bf16::from_f64(fraction())).collect::<Vec<_>>().into(),
            #[allow(clippy::cast_possible_truncation)]
            Datatype::Fp32 => (0..count).map(|_| fraction() as f32).collect::<Vec<_>>().into(),
            Datatype::Fp64 => (0..count).map(|_| fraction()).collect::<Vec<_>>().into(),
            Datatype::Bytes => {
                let plain = ["one".to_owned(), "two words".to_owned()];
                let texts = if let Some(Range::Texts(texts)) = range { texts.as_slice() } else { &plain };
                TensorData::Bytes((0..count).map(|_| texts[random.below(texts.len())].clone()).collect())
            }
        }
    }
}

/// A generator of pseudo-random numbers (`SplitMix64`).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// A number from `from` to `to`, both included.
    fn whole(&mut self, from: i64, to: i64) -> i64 {
        let span = usize::try_from(to - from + 1).unwrap_or(1);
        from + i64::try_from(self.below(span)).unwrap_or_default()
    }

    /// A multiple of 1/1024 between -1 and 1.
    fn fraction(&mut self) -> f64 {
        let steps = i32::try_from(self.whole(-1024, 1024)).unwrap_or_default();
        f64::from(steps) / 1024.0
    }
}
