//! Datatypes of metadata, which a client reads from services that may know more of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Datatype;

/// A datatype as metadata states it, which may be one that this version of the crate does not know.
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
    /// One that a [`Tensor`](crate::Tensor) can have.
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

    /// The datatype, where it is one that a [`Tensor`](crate::Tensor) can have.
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
