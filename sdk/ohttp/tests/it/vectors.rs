//! The published vectors in `tests/vectors`, whose `README.md` says where each comes from.

use std::convert::Infallible;

use amaas_ohttp::rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

/// A file of vectors.
pub(crate) fn file(name: &str) -> Value {
    let text = match name {
        "chunked-ohttp" => include_str!("../vectors/chunked-ohttp.json"),
        "hpke-pq" => include_str!("../vectors/hpke-pq.json"),
        "rfc9180" => include_str!("../vectors/rfc9180.json"),
        "rfc9292" => include_str!("../vectors/rfc9292.json"),
        "rfc9458" => include_str!("../vectors/rfc9458.json"),
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

/// A position or a length in a vector.
pub(crate) fn size(value: &Value) -> usize {
    value.as_u64().and_then(|value| usize::try_from(value).ok()).expect("a size")
}

/// A generator that gives what a vector says was drawn, and nothing else.
pub(crate) struct Drawn(pub(crate) Vec<u8>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("nothing here draws numbers")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("nothing here draws numbers")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).expect("a hexadecimal digit")).collect();
    assert_eq!(digits.len() % 2, 0, "whole bytes");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("two digits")).collect()
}
