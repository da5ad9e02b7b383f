//! The tensors of a network: names, datatypes and shapes, with symbolic dimensions.

use amaas_wire::Datatype;
use amaas_wire::oip::TensorMetadata;
use serde::{Deserialize, Serialize};

/// A tensor that a network takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// The tensor's name.
    pub name: String,
    /// The datatype of every value.
    pub datatype: Datatype,
    /// Dimensions, outermost first; none where they are not known.
    pub shape: Vec<Dim>,
    /// Of an input: whether a call may leave it out, because the network has values for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether the network does not say how many dimensions there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unranked: bool,
}

impl TensorSpec {
    /// A tensor with a shape; an input that has to be sent.
    pub fn new(name: impl Into<String>, datatype: Datatype, shape: Vec<Dim>) -> Self {
        Self { name: name.into(), datatype, shape, optional: false, unranked: false }
    }

    /// Its form in the Open Inference Protocol, which cannot say that the number of dimensions is unknown: that is one of any size.
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
    /// Always this size.
    Fixed(usize),
    /// Any size, the same wherever the symbol stands, if it is one: see [`Dim::symbol`].
    Symbol(String),
}

impl Dim {
    /// The size, where it is always the same.
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Symbol(_) => None,
        }
    }

    /// The name that stands for one size wherever it stands. `None` for a fixed size, and for what exporters write if they know no
    /// name: such a dimension is any size on its own. Names are kept as the file has them, for segments are sealed for the manifest.
    pub fn symbol(&self) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::Symbol(symbol) => Some(symbol.as_str()).filter(|symbol| !NO_NAMES.contains(symbol)),
        }
    }
}

/// What stands in files for a dimension without a name: nothing, Paddle's `?`, Python's `None`, and TensorFlow's sizes.
const NO_NAMES: [&str; 5] = ["", "?", "None", "-1", "unknown"];
