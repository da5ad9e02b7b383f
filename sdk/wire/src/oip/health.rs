//! Health of the server and of models.

use serde::{Deserialize, Serialize};

/// `GET /v2/health/live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Live"))]
pub struct ServerLive {
    /// Whether the process is alive.
    pub live: bool,
}

/// `GET /v2/health/ready` and `/v2/models/{model}/ready`. The protocol requires the status code only; the body explains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Ready"))]
pub struct ReadyState {
    /// The model, on the routes of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the model answers calls.
    pub ready: bool,
    /// The execution provider in use, once ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_provider: Option<String>,
    /// Why it is not ready, or which requested execution provider is unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
