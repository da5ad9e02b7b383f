//! The JSON `data` of a tensor, flat or nested, read strictly into its datatype.
//!
//! Nothing is converted. A float in place of an integer, 300 for UINT8 or a string for a number is an error that names the
//! index of the element, what was expected and the kind of value that arrived.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::data::TensorData;
use super::datatype::Datatype;
use super::error::TensorError;
use super::json_value::{JsonValue, refused_number};
use super::named::Tensor;
use super::shape::element_count;
use crate::json_fault::unreadable_value;

/// Reads `data` (JSON text) as a tensor of `datatype` and `shape`.
pub(crate) fn decode(
    name: String,
    datatype: Datatype,
    shape: Vec<usize>,
    data: &RawValue,
) -> Result<Tensor, TensorError> {
    let count = element_count(&name, &shape)?;
    macro_rules! read {
        ($variant:ident) => {
            TensorData::$variant(values(&name, &shape, count, data.get())?.into())
        };
    }
    let data = match datatype {
        Datatype::Bool => read!(Bool),
        Datatype::Uint8 => read!(Uint8),
        Datatype::Uint16 => read!(Uint16),
        Datatype::Uint32 => read!(Uint32),
        Datatype::Uint64 => read!(Uint64),
        Datatype::Int8 => read!(Int8),
        Datatype::Int16 => read!(Int16),
        Datatype::Int32 => read!(Int32),
        Datatype::Int64 => read!(Int64),
        Datatype::Fp16 => read!(Fp16),
        Datatype::Fp32 => read!(Fp32),
        Datatype::Fp64 => read!(Fp64),
        Datatype::Bytes => read!(Bytes),
        Datatype::Bf16 => return Err(TensorError::BinaryOnly { tensor: name }),
    };
    Tensor::new(name, shape, data)
}

/// The `count` values of `shape` in `text`.
fn values<T: JsonValue>(tensor: &str, shape: &[usize], count: usize, text: &str) -> Result<Vec<T>, TensorError> {
    let text = if T::INTEGER { without_minus_zero(text) } else { Cow::Borrowed(text) };
    if let Some(values) = flat_integers(&text, count) {
        return Ok(values);
    }
    // Each value takes at least two bytes of JSON, so the body bounds the allocation.
    let values = Vec::with_capacity(count.min(text.len() / 2 + 1));
    let mut reader = DataReader { tensor, shape, count, values, error: None };
    let mut json = serde_json::Deserializer::from_str(&text);
    let read = DataLevel { reader: &mut reader, depth: 0 }.deserialize(&mut json);
    let DataReader { values, error, .. } = reader;
    match (error, read) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(values),
        (None, Err(error)) => {
            let (tensor, index) = (tensor.to_owned(), values.len());
            if let Some(got) = unreadable_value(&error) {
                return Err(TensorError::Value { tensor, index, expected: T::EXPECTED, got });
            }
            let deep = error.to_string().contains("recursion limit");
            let what = if deep { "it is too deep" } else { "not a list" }.to_owned();
            Err(TensorError::Nesting { tensor, shape: shape.to_vec(), what })
        }
    }
}

/// Replaces each −0 by 0, because the JSON reader turns −0 into a float. Matches inside a string do not matter: a string is no
/// integer.
fn without_minus_zero(text: &str) -> Cow<'_, str> {
    let is =
        |(at, _): &(usize, &str)| !text[at + 2..].starts_with(|next: char| matches!(next, '0'..='9' | '.' | 'e' | 'E'));
    let places: Vec<_> = text.match_indices("-0").filter(is).map(|(at, _)| at).collect();
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.to_owned().into_bytes();
    for at in places {
        bytes[at] = b' ';
    }
    // One ASCII character replaces another.
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Fast path for a flat list of `count` integers of at most 18 digits, which most data is. It reads the same values as
/// [`DataLevel`], without a visitor for each. `None` for anything else, which [`DataLevel`] reads or refuses.
fn flat_integers<T: JsonValue>(json: &str, count: usize) -> Option<Vec<T>> {
    let mut rest = json.as_bytes().strip_prefix(b"[")?;
    let mut values = Vec::with_capacity(count.min(json.len() / 2 + 1));
    while values.len() < count {
        rest = rest.trim_ascii_start();
        let (digits, sign) = rest.strip_prefix(b"-").map_or((rest, 1), |digits| (digits, -1));
        let (mut value, mut length) = (0_i64, 0);
        while let Some(digit) = digits.get(length).filter(|digit| digit.is_ascii_digit()) {
            if length == 18 {
                return None;
            }
            (value, length) = (value * 10 + i64::from(digit - b'0'), length + 1);
        }
        // Integers have no −0 any more here, and a float keeps the sign.
        if length == 0 || (sign < 0 && value == 0) {
            return None;
        }
        values.push(T::from_integer((value * sign).into())?);
        let end = if values.len() < count { b',' } else { b']' };
        rest = digits[length..].trim_ascii_start().strip_prefix(&[end])?;
    }
    // An empty list needs no fast path.
    (count > 0 && rest.trim_ascii().is_empty()).then_some(values)
}

/// Writes the values as one flat JSON list.
pub(crate) fn encode<S: Serializer>(tensor: &Tensor, serializer: S) -> Result<S::Ok, S::Error> {
    macro_rules! plain {
        ($values:expr) => {
            serializer.collect_seq($values)
        };
    }
    match tensor.data() {
        TensorData::Bool(values) => plain!(values),
        TensorData::Uint8(values) => plain!(values),
        TensorData::Uint16(values) => plain!(values),
        TensorData::Uint32(values) => plain!(values),
        TensorData::Uint64(values) => plain!(values),
        TensorData::Int8(values) => plain!(values),
        TensorData::Int16(values) => plain!(values),
        TensorData::Int32(values) => plain!(values),
        TensorData::Int64(values) => plain!(values),
        TensorData::Fp16(values) => finite(tensor, serializer, values.iter().map(|value| value.to_f32())),
        TensorData::Fp32(values) => finite(tensor, serializer, values.iter().copied()),
        TensorData::Fp64(values) => finite(tensor, serializer, values.iter().copied()),
        TensorData::Bytes(values) => plain!(values),
        TensorData::Bf16(_) => {
            Err(serde::ser::Error::custom(TensorError::BinaryOnly { tensor: tensor.name().to_owned() }))
        }
    }
}

/// Refuses NaN and infinities, for which `serde_json` would write `null`, a wrong value.
fn finite<S, F>(tensor: &Tensor, serializer: S, values: impl ExactSizeIterator<Item = F>) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    F: serde::Serialize + Copy + Into<f64>,
{
    let mut list = serializer.serialize_seq(Some(values.len()))?;
    for (index, value) in values.enumerate() {
        if !value.into().is_finite() {
            let error = TensorError::NotFinite { tensor: tensor.name().to_owned(), index };
            return Err(serde::ser::Error::custom(error));
        }
        list.serialize_element(&value)?;
    }
    list.end()
}

/// The values read so far, and the first error with its details (serde's own errors carry only text).
struct DataReader<'a, T> {
    tensor: &'a str,
    shape: &'a [usize],
    /// The shape's product.
    count: usize,
    values: Vec<T>,
    error: Option<TensorError>,
}

impl<T> DataReader<'_, T> {
    fn nesting<E: serde::de::Error>(&mut self, what: String) -> E {
        self.error.get_or_insert(TensorError::Nesting {
            tensor: self.tensor.to_owned(),
            shape: self.shape.to_vec(),
            what,
        });
        E::custom("nesting")
    }
}

/// Reads one depth of the JSON: a list, or a value.
struct DataLevel<'r, 'a, T> {
    reader: &'r mut DataReader<'a, T>,
    depth: usize,
}

impl<T: JsonValue> DataLevel<'_, '_, T> {
    /// Stores a value; `got` is the kind of JSON value that arrived.
    fn take<E: serde::de::Error>(self, value: Option<T>, got: &'static str) -> Result<(), E> {
        let Self { reader, depth } = self;
        let rank = reader.shape.len();
        // Values are at depth 1 in flat data and at the rank in nested data; the value of a scalar may be bare.
        if depth != 1 && depth != rank {
            return Err(
                reader.nesting(format!("a value is at depth {depth}, expected depth {rank}, or 1 for flat data"))
            );
        }
        // Two bytes of JSON can become a string of 24 bytes, so surplus values are refused at once.
        if reader.values.len() == reader.count {
            reader.error.get_or_insert(TensorError::More {
                tensor: reader.tensor.to_owned(),
                shape: reader.shape.to_vec(),
                expected: reader.count,
            });
            return Err(E::custom("more"));
        }
        let Some(value) = value else {
            reader.error.get_or_insert(TensorError::Value {
                tensor: reader.tensor.to_owned(),
                index: reader.values.len(),
                expected: T::EXPECTED,
                got,
            });
            return Err(E::custom("value"));
        };
        reader.values.push(value);
        Ok(())
    }
}

impl<'de, T: JsonValue> DeserializeSeed<'de> for DataLevel<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: JsonValue> Visitor<'de> for DataLevel<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { reader, depth } = self;
        let rank = reader.shape.len();
        if depth >= rank.max(1) {
            return Err(reader.nesting(format!("a list is at depth {depth}, deeper than the shape")));
        }
        let before = reader.values.len();
        let mut length = 0_usize;
        while list.next_element_seed(DataLevel { reader: &mut *reader, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        // At depth 0 a flat list is as long as the tensor, which `Tensor::new` checks.
        let flat = depth == 0 && reader.values.len() - before == length;
        let expected = reader.shape.get(depth).copied().unwrap_or(1);
        if !flat && length != expected {
            return Err(reader.nesting(format!("a list at depth {depth} has {length} entries, expected {expected}")));
        }
        // Flat and nested in one list: `[1, [2]]`.
        if depth == 0 && !flat && reader.values.len() != reader.count {
            return Err(reader.nesting("flat and nested data are mixed".to_owned()));
        }
        Ok(())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.take(None, "an object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.take(None, "null")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.take(T::from_bool(value), "a boolean")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.take(T::from_integer(value.into()), refused_number::<T>(None))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.take(T::from_integer(value.into()), refused_number::<T>(None))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.take(T::from_float(value), refused_number::<T>(Some(value)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.take(T::from_string(value), "a string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(datatype: Datatype, shape: &[usize], json: &str) -> Result<TensorData, String> {
        let raw: &RawValue = serde_json::from_str(json).map_err(|error| error.to_string())?;
        decode("x".to_owned(), datatype, shape.to_vec(), raw)
            .map(|tensor| tensor.data().clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn flat_and_nested_data_are_the_same() {
        let expected = Ok(TensorData::Int32(vec![1, 2, 3, 4, 5, 6].into()));
        assert_eq!(read(Datatype::Int32, &[2, 3], "[1,2,3,4,5,6]"), expected);
        assert_eq!(read(Datatype::Int32, &[2, 3], "[[1,2,3],[4,5,6]]"), expected);
        assert_eq!(read(Datatype::Int32, &[1, 2, 3], "[[[1,2,3],[4,5,6]]]"), expected);
        assert_eq!(read(Datatype::Int32, &[], "[5]"), Ok(TensorData::Int32(vec![5].into())));
        assert_eq!(read(Datatype::Int32, &[], "5"), Ok(TensorData::Int32(vec![5].into())));
        assert_eq!(read(Datatype::Int32, &[0], "[]"), Ok(TensorData::Int32(vec![].into())));
        assert_eq!(read(Datatype::Int32, &[0, 3], "[]"), Ok(TensorData::Int32(vec![].into())));
        assert_eq!(read(Datatype::Int32, &[2, 0], "[[],[]]"), Ok(TensorData::Int32(vec![].into())));
    }

    #[test]
    fn nothing_is_converted() {
        for (datatype, json, expected) in [
            (
                Datatype::Uint8,
                "[300]",
                "data[0]: expected an integer from 0 to 255 (UINT8), got an integer out of range",
            ),
            (
                Datatype::Uint8,
                "[-1]",
                "data[0]: expected an integer from 0 to 255 (UINT8), got an integer out of range",
            ),
            (Datatype::Int64, "[1.0]", "got a number with a fraction or an exponent"),
            (Datatype::Int64, "[1e3]", "got a number with a fraction or an exponent"),
            (Datatype::Int64, "[-0.0]", "got a number with a fraction or an exponent"),
            (Datatype::Int64, "[-0e1]", "got a number with a fraction or an exponent"),
            (Datatype::Int64, "[18446744073709551616]", "got a number out of range"),
            (Datatype::Int64, "[-9223372036854775809]", "got a number out of range"),
            (Datatype::Int64, "[1e400]", "data[0]: expected an integer from -9223372036854775808"),
            (
                Datatype::Fp32,
                "[1e400]",
                "data[0]: expected a finite number in the range of FP32, got a number out of range",
            ),
            (Datatype::Fp64, "[1e400]", "data[0]: expected a finite number (FP64), got a number out of range"),
            (Datatype::Bytes, "[1e400]", "data[0]: expected a string (BYTES), got a number out of range"),
            (Datatype::Bytes, r#"["\ud83d"]"#, "data[0]: expected a string (BYTES), got half of a surrogate pair"),
            (Datatype::Bytes, r#"["\ude00a"]"#, "data[0]: expected a string (BYTES), got half of a surrogate pair"),
            (Datatype::Int64, "[9223372036854775808]", "data[0]: expected an integer from -9223372036854775808"),
            (Datatype::Int64, "[\"1\"]", "got a string"),
            (Datatype::Int64, "[null]", "got null"),
            (Datatype::Int64, "[{}]", "got an object"),
            (Datatype::Int64, "[true]", "got a boolean"),
            (Datatype::Bool, "[1]", "expected true or false (BOOL), got an integer"),
            (Datatype::Fp32, "[1e39]", "expected a finite number in the range of FP32, got a number out of range"),
            (
                Datatype::Fp16,
                "[65520]",
                "expected a finite number in the range of FP16 (-65504 to 65504), got an integer out",
            ),
            (Datatype::Fp32, "[\"NaN\"]", "got a string"),
            (Datatype::Bytes, "[1]", "expected a string (BYTES), got an integer"),
        ] {
            let error = read(datatype, &[1], json).expect_err(json);
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn minus_zero_is_an_integer_and_a_float_keeps_its_sign() {
        let expected = Ok(TensorData::Int8(vec![0, -1, 0, 0].into()));
        for json in ["[-0,-1,-0,0]", "[ -0 , -1, -0\n,0]", "[[-0,-1],[-0,0]]"] {
            assert_eq!(read(Datatype::Int8, &[2, 2], json), expected, "{json}");
        }
        assert_eq!(read(Datatype::Int8, &[], "-0"), Ok(TensorData::Int8(vec![0].into())));
        assert_eq!(read(Datatype::Uint64, &[1], "[-0]"), Ok(TensorData::Uint64(vec![0].into())));
        let Ok(TensorData::Fp32(zeros)) = read(Datatype::Fp32, &[3], "[-0,-0.0,0]") else { panic!("three zeros") };
        assert_eq!(zeros.iter().map(|zero| zero.is_sign_negative()).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(read(Datatype::Bytes, &[1], r#"["-0"]"#), Ok(TensorData::Bytes(vec!["-0".to_owned()])));
        let error = read(Datatype::Int8, &[2], r#"[-0,"-0"]"#).expect_err("a text");
        assert!(error.ends_with("data[1]: expected an integer from -128 to 127 (INT8), got a string"), "{error}");
        let second = read(Datatype::Bytes, &[2], r#"["a","\ud83d"]"#).expect_err("half a pair");
        assert!(second.contains("data[1]"), "{second}");
    }

    #[test]
    fn ragged_and_deep_data_are_refused() {
        for (shape, json) in [
            (&[2, 2][..], "[[1,2],[3]]"),
            (&[2, 2], "[[1,2],[3,4,5]]"),
            (&[2, 2], "[[1,2]]"),
            (&[2, 2], "[1,[2,3],4]"),
            (&[2, 2], "[[1,2],3,4]"),
            (&[4], "[[1,2],[3,4]]"),
            (&[2, 2], "[[[1,2],[3,4]]]"),
            (&[2, 2], "[1,2,3]"),
            (&[2, 2], "[1,2,3,4,5]"),
            (&[2, 2], "7"),
            (&[1], "{}"),
            (&[0], "[1]"),
        ] {
            assert!(read(Datatype::Int32, shape, json).is_err(), "{shape:?} {json}");
        }
        let much = format!("[{}\"\"]", "\"\",".repeat(1000));
        let error = read(Datatype::Bytes, &[1], &much).expect_err("1001 values");
        assert_eq!(error, "tensor \"x\": shape [1] needs 1 values, got more");
        let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
        assert!(read(Datatype::Int32, &[1], &deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn flat_integers_are_read_as_any_others(values in proptest::collection::vec("-?(0|[1-9][0-9]{0,20})( |\\.0|e1|)", 1..5)) {
            let (flat, count) = (format!("[ {} ]", values.join(" ,")), values.len());
            for datatype in Datatype::ALL {
                // One list more is read value by value.
                let (fast, plain) = (read(datatype, &[1, count], &flat), read(datatype, &[1, count], &format!("[{flat}]")));
                proptest::prop_assert_eq!(fast, plain, "{} {}", datatype, flat);
            }
        }

        #[test]
        fn any_json_is_a_tensor_or_an_error(json in "[\\[\\]0-9,.eE\"a{}:-]{0,40}", rank in 0_usize..4) {
            for datatype in Datatype::ALL {
                let _ = read(datatype, &vec![2; rank], &json);
            }
        }

        #[test]
        fn floats_survive_json_bit_for_bit(values in proptest::collection::vec(proptest::num::f32::NORMAL, 0..20)) {
            let tensor = Tensor::new("x", vec![values.len()], values).expect("the shape is the length");
            let mut json = Vec::new();
            encode(&tensor, &mut serde_json::Serializer::new(&mut json)).expect("finite values can be written");
            let json = String::from_utf8(json).expect("JSON is text");
            proptest::prop_assert_eq!(read(Datatype::Fp32, tensor.shape(), &json), Ok(tensor.data().clone()));
        }
    }
}
