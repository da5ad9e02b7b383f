//! The tensors of a network: names, datatypes and shapes, with symbolic dimensions.

use amaas_wire::Datatype;
use amaas_wire::oip::TensorMetadata;
use serde::{Deserialize, Serialize};

/// An input or output tensor of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// The tensor's name.
    pub name: String,
    /// The datatype of every value.
    pub datatype: Datatype,
    /// Dimensions, outermost first; empty if they are unknown.
    pub shape: Vec<Dim>,
    /// For an input: whether a call may omit it, because the network has a default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether the number of dimensions is unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unranked: bool,
}

impl TensorSpec {
    /// A tensor with a shape; a required input.
    pub fn new(name: impl Into<String>, datatype: Datatype, shape: Vec<Dim>) -> Self {
        Self { name: name.into(), datatype, shape, optional: false, unranked: false }
    }

    /// Its metadata in the Open Inference Protocol. The protocol has no unknown rank, so that becomes one dimension of
    /// any size.
    pub fn metadata(&self) -> TensorMetadata {
        let shape = if self.unranked { &[Dim::Symbol(String::new())] } else { self.shape.as_slice() };
        let shape = shape.iter().map(|dim| dim.fixed().and_then(|size| i64::try_from(size).ok()).unwrap_or(-1));
        TensorMetadata { name: self.name.clone(), datatype: self.datatype.into(), shape: shape.collect() }
    }
}

/// One dimension of a [`TensorSpec`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// Any size, equal for equal symbols; see [`Dim::symbol`].
    Symbol(String),
}

impl Dim {
    /// The size, if it is fixed.
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Symbol(_) => None,
        }
    }

    /// The symbol, which has one size in all tensors. `None` for a fixed size, and for the placeholders that exporters
    /// write for an unnamed dimension: such a dimension has any size of its own. The manifest keeps names as the file
    /// has them, since segments are sealed for the manifest.
    pub fn symbol(&self) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::Symbol(symbol) => Some(symbol.as_str()).filter(|symbol| !UNNAMED.contains(symbol)),
        }
    }
}

/// Placeholders of unnamed dimensions: empty, Paddle's `?`, Python's `None`, and TensorFlow's sizes.
const UNNAMED: [&str; 5] = ["", "?", "None", "-1", "unknown"];
