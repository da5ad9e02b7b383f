//! RFC 9457 problem documents, the errors of the native routes.

use serde::{Deserialize, Serialize};

/// An `application/problem+json` body.
///
/// `type` is a stable name that a program can match; `detail` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Problem {
    /// The kind of error, a URI reference (RFC 9457 §3.1.1), such as `urn:amaas:problem:queue-full`.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// A short text for the kind.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What was wrong in this case, what was expected and what arrived.
    #[serde(default)]
    pub detail: String,
    /// The request id, to quote to the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem of the kind `kind`.
    pub fn new(kind: impl Into<String>, title: impl Into<String>, status: u16, detail: impl Into<String>) -> Self {
        Self { kind: kind.into(), title: title.into(), status, detail: detail.into(), request_id: None }
    }
}

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The prefix before the slug of every `type` of amaas.
pub const TYPE_PREFIX: &str = "urn:amaas:problem:";

fn about_blank() -> String {
    "about:blank".to_owned()
}
