//! A call whose idempotency key cannot be honoured.

use std::time::Duration;

use amaas_wire::classify;

/// Why an idempotency key is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum IdempotencyError {
    /// The header is not a valid key.
    #[error("the idempotency key is malformed; expected one header of 1 to 255 visible ASCII characters")]
    Malformed,
    /// The key belongs to another call.
    #[error("the idempotency key was used for another call in the last 24 hours; each call needs its own")]
    Reused,
    /// The first call with the key is running.
    #[error("a call with the same idempotency key is still under way")]
    Running,
    /// The ledger that stores responses cannot be used.
    #[error("the function's ledger cannot be used at the moment")]
    LedgerUnavailable { internal: String },
}

classify! { IdempotencyError {
    Self::Malformed => 400, "idempotency-key", "malformed idempotency key";
    Self::Reused => 422, "idempotency-key-reused", "idempotency key reused";
    Self::Running => 409, "idempotency-running", "the first call is under way", retry = Duration::from_secs(1);
    Self::LedgerUnavailable { internal } => 503, "ledger-unavailable", "ledger unavailable",
        retry = Duration::from_secs(2), log = internal;
} }
