//! A sealed call that cannot be opened or is refused, or a plain call that should be sealed.

use std::time::Duration;

use amaas_wire::classify;

/// Why a sealed call, or a plain call that should be sealed, is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum SealedCallError {
    /// The call is plain, and the function accepts sealed calls only.
    #[error(
        "this function takes sealed calls only (message/ohttp-chunked-req); the keys are at /v1/models/{{model}}/keys"
    )]
    Required,
    /// The call is sealed, and the function has no sealing keys.
    #[error("this function has no keys to open sealed calls with")]
    Unsupported,
    /// The sealing keys do not exist, or cannot be read.
    #[error("{public}")]
    KeysUnavailable { public: String, internal: String },
    /// Sealed bodies in transit take all the memory that is reserved for them.
    #[error("too many sealed calls are on their way to this function; try again later")]
    Backlog,
    /// The sealed content is not a request for this route.
    #[error("the sealed message is not a call to this route: {0}")]
    Message(String),
    /// The date of the call is missing or out of the window; `now` is the function's.
    #[error("{reason}")]
    Date { reason: String, now: String },
    /// The call was accepted before.
    #[error("this sealed call was taken already; seal the call again to send it again")]
    Replayed,
    /// The ledger that detects replays cannot be used.
    #[error("replays cannot be detected at the moment")]
    ReplaysUnavailable { internal: String },
}

classify! { SealedCallError {
    Self::Required => 403, "sealing-required", "sealing required";
    Self::Unsupported => 404, "no-sealing", "no sealing";
    Self::Message(_) => 400, "sealed-message", "unusable sealed message";
    Self::Date { .. } => 400, "date", "date out of the window";
    Self::Replayed => 409, "replayed", "replayed";
    Self::ReplaysUnavailable { internal } => 503, "replays-unavailable", "replays cannot be checked",
        retry = Duration::from_secs(1), log = internal;
    Self::KeysUnavailable { internal, .. } => 503, "sealing-unavailable", "sealing keys unavailable",
        retry = Duration::from_secs(2), log = internal;
    Self::Backlog => 503, "sealed-backlog", "too many sealed calls under way", retry = Duration::from_secs(1);
} }
