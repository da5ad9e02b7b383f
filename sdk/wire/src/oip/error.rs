//! The error body.

use serde::{Deserialize, Serialize};

/// The protocol's error body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OpenInferenceError"))]
pub struct ErrorBody {
    /// The error.
    pub error: String,
}
