//! Converts a JSON value to a value of a datatype, without coercion.

use half::f16;

/// A value of a datatype, from a JSON value; `None` for a kind of value that the datatype does not accept.
pub(super) trait JsonValue: Sized {
    const EXPECTED: &'static str;
    /// Whether the values are integers, so that −0 is 0.
    const INTEGER: bool = false;
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_integer(_: i128) -> Option<Self> {
        None
    }
    fn from_float(_: f64) -> Option<Self> {
        None
    }
    fn from_string(_: &str) -> Option<Self> {
        None
    }
}

impl JsonValue for bool {
    const EXPECTED: &'static str = "true or false (BOOL)";
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl JsonValue for String {
    const EXPECTED: &'static str = "a string (BYTES)";
    fn from_string(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }
}

/// Names a number that the datatype does not accept; `float` is its value if the JSON reader made a float of it.
pub(super) fn refused_number<T: JsonValue>(float: Option<f64>) -> &'static str {
    match float {
        // A float datatype accepts any float but the largest. An integer of more than 64 bits is read as a float.
        Some(value) if T::from_float(0.0).is_some() || value.abs() >= LARGEST_INTEGER => "a number out of range",
        Some(_) => "a number with a fraction or an exponent",
        None if T::from_integer(0).is_some() => "an integer out of range",
        None => "an integer",
    }
}

/// 2^63: a number of this size that was not read as an integer does not fit 64 bits, except for some whole floats.
const LARGEST_INTEGER: f64 = 9_223_372_036_854_775_808.0;

macro_rules! integers {
    ($($type:ty => $expected:literal),* $(,)?) => {$(
        impl JsonValue for $type {
            const EXPECTED: &'static str = $expected;
            const INTEGER: bool = true;
            fn from_integer(value: i128) -> Option<Self> {
                value.try_into().ok()
            }
        }
    )*};
}
integers! {
    u8 => "an integer from 0 to 255 (UINT8)",
    u16 => "an integer from 0 to 65535 (UINT16)",
    u32 => "an integer from 0 to 4294967295 (UINT32)",
    u64 => "an integer from 0 to 18446744073709551615 (UINT64)",
    i8 => "an integer from -128 to 127 (INT8)",
    i16 => "an integer from -32768 to 32767 (INT16)",
    i32 => "an integer from -2147483648 to 2147483647 (INT32)",
    i64 => "an integer from -9223372036854775808 to 9223372036854775807 (INT64)",
}

#[allow(clippy::cast_precision_loss)] // an integer literal for a float is rounded, as any JSON reader does
impl JsonValue for f64 {
    const EXPECTED: &'static str = "a finite number (FP64)";
    fn from_integer(value: i128) -> Option<Self> {
        Some(value as f64)
    }
    fn from_float(value: f64) -> Option<Self> {
        value.is_finite().then_some(value)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // rounding is intended; infinity is refused
impl JsonValue for f32 {
    const EXPECTED: &'static str = "a finite number in the range of FP32";
    fn from_integer(value: i128) -> Option<Self> {
        Some(value as f32)
    }
    fn from_float(value: f64) -> Option<Self> {
        Some(value as f32).filter(|value| value.is_finite())
    }
}

#[allow(clippy::cast_precision_loss)]
impl JsonValue for f16 {
    const EXPECTED: &'static str = "a finite number in the range of FP16 (-65504 to 65504)";
    fn from_integer(value: i128) -> Option<Self> {
        Self::from_float(value as f64)
    }
    fn from_float(value: f64) -> Option<Self> {
        Some(f16::from_f64(value)).filter(|value| value.is_finite())
    }
}
