//! Datatypes of metadata: a newer server may name more of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tensor::Datatype;

/// A datatype in metadata, which this version of the crate may not know.
///
/// ```
/// use amaas_wire::{Datatype, oip::StatedDatatype};
///
/// let [known, other]: [StatedDatatype; 2] = serde_json::from_str(r#"["FP32","FP8"]"#)?;
/// assert_eq!((known.known(), other.known()), (Some(Datatype::Fp32), None));
/// assert_eq!((known.to_string(), other.to_string()), ("FP32".to_owned(), "FP8".to_owned()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum StatedDatatype {
    /// A datatype that a [`Tensor`](crate::Tensor) can have.
    Known(Datatype),
    /// Another one, by its name.
    Other(String),
}

impl StatedDatatype {
    /// The datatype's name in the protocol.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(datatype) => datatype.name(),
            Self::Other(name) => name,
        }
    }

    /// The datatype, if a [`Tensor`](crate::Tensor) can have it.
    pub fn known(&self) -> Option<Datatype> {
        match self {
            Self::Known(datatype) => Some(*datatype),
            Self::Other(_) => None,
        }
    }
}

impl From<Datatype> for StatedDatatype {
    fn from(datatype: Datatype) -> Self {
        Self::Known(datatype)
    }
}

impl fmt::Display for StatedDatatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
