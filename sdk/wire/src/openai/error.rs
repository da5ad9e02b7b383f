//! Errors of `OpenAI`'s routes: why a request is refused, and the error object.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::json_fault::JsonFault;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// The member at fault, if it is one.
    pub param: Option<Cow<'static, str>>,
    /// What was expected and what arrived.
    pub message: String,
}

impl RequestError {
    /// `body` cannot be read, as `error` explains.
    pub(super) fn unread(body: &[u8], error: &serde_json::Error) -> Self {
        let JsonFault { message, member } = JsonFault::of(body, error);
        Self { param: member.map(Cow::Owned), message }
    }

    pub(super) fn missing(param: &'static str) -> Self {
        Self::of(param, format!("missing member {param:?}"))
    }

    pub(super) fn of(param: &'static str, message: String) -> Self {
        Self { param: Some(Cow::Borrowed(param)), message }
    }
}

/// The body of every error on `OpenAI`'s routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OpenAiError"))]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// The error, as `OpenAI`'s clients read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "OpenAiErrorObject"))]
pub struct ErrorObject {
    /// What was wrong in this case, what was expected and what arrived.
    pub message: String,
    /// The class, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The member of the request at fault, if it is one.
    pub param: Option<String>,
    /// A stable name of the kind of error.
    pub code: Option<String>,
}
