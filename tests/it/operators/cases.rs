//! What `tests/operators/main.py` makes: cases with the answers of Python's ONNX Runtime.

use std::path::Path;

use amaas::{Datatype, Tensor};
use bytes::Bytes;
use serde::Deserialize;

/// The cases that can be called, with the version of the package that they come from.
#[derive(Deserialize)]
pub(super) struct Cases {
    pub(super) onnx: String,
    pub(super) cases: Vec<Case>,
}

/// A network with its calls.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) calls: Vec<Call>,
}

/// What is sent, and what has to come back.
#[derive(Deserialize)]
pub(super) struct Call {
    pub(super) inputs: Vec<Described>,
    pub(super) outputs: Vec<Described>,
}

/// A tensor whose values lie among those of all others.
#[derive(Deserialize)]
pub(super) struct Described {
    name: String,
    datatype: String,
    shape: Vec<usize>,
    from: usize,
    to: usize,
}

impl Cases {
    pub(super) fn read(folder: &Path) -> Self {
        let json = std::fs::read(folder.join("cases.json")).expect("the program writes it");
        serde_json::from_slice(&json).expect("cases")
    }
}

impl Described {
    pub(super) fn tensor(&self, values: &Bytes) -> Result<Tensor, String> {
        let datatype = Datatype::from_name(&self.datatype).ok_or_else(|| format!("there is no {}", self.datatype))?;
        let tensor = Tensor::from_bytes(self.name.clone(), datatype, self.shape.clone(), self.bytes(values));
        tensor.map_err(|error| error.to_string())
    }

    /// Says how `got` is another tensor, where it is one.
    pub(super) fn compare(&self, values: &Bytes, got: &Tensor) -> Result<(), String> {
        let described = (self.name.as_str(), self.datatype.as_str(), self.shape.as_slice());
        let got_described = (got.name(), got.datatype().name(), got.shape());
        if got_described != described {
            return Err(format!("expected output {described:?}, got {got_described:?}"));
        }
        let mut bytes = Vec::new();
        got.write_bytes(&mut bytes);
        let differs = bytes.iter().zip(&self.bytes(values)).position(|(got, expected)| got != expected);
        match differs {
            Some(at) => Err(format!("output {described:?} differs from byte {at} on")),
            None if bytes.len() != self.to - self.from => Err(format!("output {described:?} has another length")),
            None => Ok(()),
        }
    }

    fn bytes(&self, values: &Bytes) -> Bytes {
        values.slice(self.from..self.to)
    }
}
