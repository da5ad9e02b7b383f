//! Dimensions of a tensor, as a manifest has them. The fuzz targets compile this file without the rest of the crate.

use serde::{Deserialize, Serialize};

/// One dimension of a [`TensorSpec`](super::TensorSpec).
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
