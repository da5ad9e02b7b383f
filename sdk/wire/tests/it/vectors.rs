//! The published vectors in `tests/vectors`, whose `README.md` says where each comes from.

use serde_json::Value;

/// A file of vectors.
pub(crate) fn file(name: &str) -> Value {
    let text = match name {
        "dsse" => include_str!("../vectors/dsse.json"),
        "rfc8032" => include_str!("../vectors/rfc8032.json"),
        other => panic!("no such file: {other}"),
    };
    serde_json::from_str(text).expect("a JSON file")
}

/// The bytes of a value in hexadecimal; those of an array are joined.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        value => hex(value.as_str().expect("text")),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).expect("a hexadecimal digit")).collect();
    assert_eq!(digits.len() % 2, 0, "whole bytes");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("two digits")).collect()
}
