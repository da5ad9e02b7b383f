//! Reads files of test vectors.

use serde_json::Value;

/// The values of a file.
pub(crate) fn example(text: &str) -> Value {
    serde_json::from_str(text).expect("a JSON file")
}

/// The bytes of a value in hexadecimal; those of an array are joined.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        value => {
            let digits = value.as_str().expect("text").as_bytes();
            let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).expect("a digit")).expect("below 16");
            digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
        }
    }
}
