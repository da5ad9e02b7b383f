//! The values of a tensor as bytes: little-endian, row-major, nothing between them.
//!
//! Source: the binary tensor data extension, "Binary Tensor Request". A BOOL is a byte of 0 or 1, and an element of BYTES follows
//! its length in 4 bytes. Numbers are not copied, neither in nor out ([`TensorBuffer`]); BOOL and BYTES are.

use bytes::Bytes;

use super::buffer::TensorBuffer;
use super::data::TensorData;
use super::datatype::Datatype;
use super::error::TensorError;
use super::named::Tensor;
use super::shape::element_count;

impl Tensor {
    /// Makes a tensor of `datatype` and `shape` from its values as bytes.
    ///
    /// ```
    /// use amaas_wire::{Datatype, Tensor, TensorData};
    /// use bytes::Bytes;
    ///
    /// let bytes = Bytes::from_static(&[1, 0, 255, 255]);
    /// let tensor = Tensor::from_bytes("x".to_owned(), Datatype::Int16, vec![2], bytes.clone())?;
    /// assert_eq!(tensor.data(), &TensorData::from(vec![1_i16, -1]));
    /// assert_eq!(tensor.into_bytes(), bytes);
    /// # Ok::<(), amaas_wire::TensorError>(())
    /// ```
    ///
    /// # Errors
    /// [`TensorError::ByteCount`] for more or fewer bytes than the shape needs, [`TensorError::ByteElement`] if an
    /// element of BYTES goes beyond the end, [`TensorError::Value`] for a BOOL that is neither 0 nor 1 or a text that is not
    /// UTF-8, and what [`Tensor::new`] finds wrong with the shape.
    pub fn from_bytes(name: String, datatype: Datatype, shape: Vec<usize>, bytes: Bytes) -> Result<Self, TensorError> {
        let count = element_count(&name, &shape)?;
        let data = match datatype.width() {
            Some(width) if count.checked_mul(width) == Some(bytes.len()) => fixed(&name, datatype, bytes)?,
            Some(width) => {
                let expected = count.saturating_mul(width);
                return Err(TensorError::ByteCount { tensor: name, datatype, shape, expected, got: bytes.len() });
            }
            None => TensorData::Bytes(texts(&name, count, &bytes)?),
        };
        Self::new(name, shape, data)
    }

    /// How many bytes [`write_bytes`](Self::write_bytes) writes.
    pub fn byte_len(&self) -> usize {
        match self.data() {
            TensorData::Bytes(values) => values.iter().map(|value| LENGTH_PREFIX + value.len()).sum(),
            data => data.len() * data.datatype().width().unwrap_or_default(),
        }
    }

    /// The values as bytes. Numbers are not copied, unless another tensor shares them.
    pub fn into_bytes(self) -> Bytes {
        let mut out = Vec::new();
        match self.data() {
            TensorData::Bool(_) | TensorData::Bytes(_) => self.write_bytes(&mut out),
            _ => {}
        }
        let (_, _, data) = self.into_parts();
        match data {
            TensorData::Bool(_) | TensorData::Bytes(_) => out.into(),
            TensorData::Uint8(values) => values.into_le_bytes(),
            TensorData::Uint16(values) => values.into_le_bytes(),
            TensorData::Uint32(values) => values.into_le_bytes(),
            TensorData::Uint64(values) => values.into_le_bytes(),
            TensorData::Int8(values) => values.into_le_bytes(),
            TensorData::Int16(values) => values.into_le_bytes(),
            TensorData::Int32(values) => values.into_le_bytes(),
            TensorData::Int64(values) => values.into_le_bytes(),
            TensorData::Fp16(values) => values.into_le_bytes(),
            TensorData::Fp32(values) => values.into_le_bytes(),
            TensorData::Fp64(values) => values.into_le_bytes(),
            TensorData::Bf16(values) => values.into_le_bytes(),
        }
    }

    /// Appends the values as bytes to `out`. An element of BYTES of 4 GiB or more, which its length cannot express, is
    /// cut.
    pub fn write_bytes(&self, out: &mut Vec<u8>) {
        macro_rules! write {
            ($values:expr) => {
                out.extend($values.iter().flat_map(|value| value.to_le_bytes()))
            };
        }
        out.reserve(self.byte_len());
        match self.data() {
            TensorData::Bool(values) => out.extend(values.iter().map(|value| u8::from(*value))),
            TensorData::Uint8(values) => out.extend_from_slice(values),
            TensorData::Bf16(values) => write!(values),
            TensorData::Uint16(values) => write!(values),
            TensorData::Uint32(values) => write!(values),
            TensorData::Uint64(values) => write!(values),
            TensorData::Int8(values) => write!(values),
            TensorData::Int16(values) => write!(values),
            TensorData::Int32(values) => write!(values),
            TensorData::Int64(values) => write!(values),
            TensorData::Fp16(values) => write!(values),
            TensorData::Fp32(values) => write!(values),
            TensorData::Fp64(values) => write!(values),
            TensorData::Bytes(values) => {
                for value in values {
                    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                    out.extend_from_slice(&length.to_le_bytes());
                    out.extend_from_slice(&value.as_bytes()[..length as usize]);
                }
            }
        }
    }
}

/// Reads values of a fixed width; `bytes` holds a whole number of them.
fn fixed(tensor: &str, datatype: Datatype, bytes: Bytes) -> Result<TensorData, TensorError> {
    macro_rules! read {
        ($($variant:ident),*) => {
            match datatype {
                $(Datatype::$variant => TensorBuffer::from_le_bytes(bytes).map(TensorData::$variant),)*
                Datatype::Bool => return bools(tensor, &bytes),
                Datatype::Bytes => None,
            }
        };
    }
    let data = read!(Uint8, Uint16, Uint32, Uint64, Int8, Int16, Int32, Int64, Fp16, Fp32, Fp64, Bf16);
    Ok(data.unwrap_or_else(|| TensorData::empty(datatype)))
}

fn bools(tensor: &str, bytes: &[u8]) -> Result<TensorData, TensorError> {
    match bytes.iter().position(|byte| *byte > 1) {
        None => Ok(TensorData::Bool(bytes.iter().map(|byte| *byte == 1).collect())),
        Some(index) => {
            let (expected, got) = ("a byte of 0 or 1 (BOOL)", "another byte");
            Err(TensorError::Value { tensor: tensor.to_owned(), index, expected, got })
        }
    }
}

/// `count` elements of BYTES. Networks take text, so each has to be UTF-8.
fn texts(tensor: &str, count: usize, mut bytes: &[u8]) -> Result<Vec<String>, TensorError> {
    let all = bytes.len();
    // Each element takes at least its length prefix, so the body bounds the allocation.
    let mut values = Vec::with_capacity(count.min(all / LENGTH_PREFIX));
    for index in 0..count {
        let beyond = || TensorError::ByteElement { tensor: tensor.to_owned(), index, count };
        let (length, rest) = bytes.split_first_chunk::<LENGTH_PREFIX>().ok_or_else(beyond)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| beyond())?;
        let (value, rest) = rest.split_at_checked(length).ok_or_else(beyond)?;
        let value = std::str::from_utf8(value).map_err(|_| {
            let (expected, got) = ("UTF-8 text (BYTES)", "other bytes");
            TensorError::Value { tensor: tensor.to_owned(), index, expected, got }
        })?;
        values.push(value.to_owned());
        bytes = rest;
    }
    if bytes.is_empty() {
        Ok(values)
    } else {
        Err(TensorError::ByteRest { tensor: tensor.to_owned(), count, expected: all - bytes.len(), got: all })
    }
}

/// Bytes of the length before an element of BYTES.
const LENGTH_PREFIX: usize = 4;

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    fn read(datatype: Datatype, shape: &[usize], bytes: &[u8]) -> Result<TensorData, String> {
        let tensor = Tensor::from_bytes("x".to_owned(), datatype, shape.to_vec(), Bytes::copy_from_slice(bytes));
        tensor.map(|tensor| tensor.data().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_little_endian() {
        for (datatype, bytes, expected) in [
            (Datatype::Bool, &[1, 0][..], TensorData::Bool(vec![true, false])),
            (Datatype::Uint8, &[0, 255], TensorData::Uint8(vec![0, 255].into())),
            (Datatype::Int8, &[128, 255], TensorData::Int8(vec![-128, -1].into())),
            (Datatype::Uint16, &[1, 2, 255, 255], TensorData::Uint16(vec![513, u16::MAX].into())),
            (Datatype::Int16, &[1, 2, 255, 255], TensorData::Int16(vec![513, -1].into())),
            (Datatype::Fp16, &[0, 60, 0, 126], TensorData::Fp16(vec![f16::ONE, f16::NAN].into())),
            (Datatype::Fp32, &[0, 0, 128, 63, 0, 0, 128, 255], TensorData::Fp32(vec![1.0, f32::NEG_INFINITY].into())),
            (Datatype::Bf16, &[128, 63, 192, 255], TensorData::Bf16(vec![bf16::ONE, bf16::from_bits(0xFFC0)].into())),
            (Datatype::Bytes, &[1, 0, 0, 0, b'a', 0, 0, 0, 0], TensorData::Bytes(vec!["a".into(), String::new()])),
        ] {
            let got = read(datatype, &[2], bytes).expect("two values");
            // NaN is not equal to itself, and has to survive too.
            assert_eq!(format!("{got:?}"), format!("{expected:?}"));
            let (mut again, tensor) = (Vec::new(), Tensor::new("x", vec![2], expected).expect("two values"));
            tensor.write_bytes(&mut again);
            assert_eq!((&*again, &*tensor.into_bytes()), (bytes, bytes), "{datatype}");
        }
    }

    #[test]
    fn scalars_and_empty_tensors_have_bytes() {
        assert_eq!(read(Datatype::Int32, &[], &[7, 0, 0, 0]), Ok(TensorData::Int32(vec![7].into())));
        for datatype in Datatype::ALL {
            assert_eq!(read(datatype, &[0, 3], &[]), Ok(TensorData::empty(datatype)));
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let text = |length: u8| [&[length, 0, 0, 0][..], b"abc"].concat();
        for (datatype, shape, bytes, expected) in [
            (Datatype::Fp32, &[2][..], vec![0; 7], "shape [2] of FP32 needs 8 bytes of binary data, got 7"),
            (Datatype::Fp32, &[2], vec![0; 9], "shape [2] of FP32 needs 8 bytes of binary data, got 9"),
            (Datatype::Int64, &[1 << 61], vec![0; 8], "needs 18446744073709551615 bytes of binary data, got 8"),
            (Datatype::Int8, &[usize::MAX, 2], vec![], "overflows"),
            (Datatype::Bool, &[2], vec![1, 2], "data[1]: expected a byte of 0 or 1 (BOOL), got another byte"),
            (
                Datatype::Bytes,
                &[1],
                vec![],
                "the binary data ends before or in data[0]; shape and lengths ask for 1 elements",
            ),
            (Datatype::Bytes, &[1], text(4), "ends before or in data[0]"),
            (Datatype::Bytes, &[2], text(3), "ends before or in data[1]"),
            (Datatype::Bytes, &[usize::MAX], text(3), "ends before or in data[1]"),
            (Datatype::Bytes, &[1], text(2), "its 1 elements take 6 bytes of binary data, got 7"),
            (Datatype::Bytes, &[1], vec![1, 0, 0, 0, 255], "data[0]: expected UTF-8 text (BYTES), got other bytes"),
            (Datatype::Bytes, &[1], vec![255; 8], "ends before or in data[0]"),
        ] {
            let error = read(datatype, shape, &bytes).expect_err(expected);
            assert!(error.starts_with("tensor \"x\": ") && error.contains(expected), "{expected}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_tensor_with_the_same_bytes_or_an_error(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40), shape in proptest::collection::vec(0_usize..5, 0..3)
        ) {
            for datatype in Datatype::ALL {
                let given = Bytes::copy_from_slice(&bytes);
                let Ok(tensor) = Tensor::from_bytes("x".to_owned(), datatype, shape.clone(), given) else { continue };
                let mut again = Vec::new();
                tensor.write_bytes(&mut again);
                proptest::prop_assert_eq!(tensor.byte_len(), again.len());
                proptest::prop_assert_eq!((&*again, &*tensor.into_bytes()), (&*bytes, &*bytes));
            }
        }
    }
}
