//! What one call may have of its own.

use std::time::Duration;

/// Options of a call, for [`Model::with`](crate::Model::with).
///
/// ```
/// use std::time::Duration;
/// use amaas::{CallOptions, Client};
///
/// # fn example(client: &Client) {
/// let order = "order-4711";
/// let model = client.model("sentiment").with(
///     CallOptions::default().timeout(Duration::from_secs(5)).idempotency_key(order).request_id(order),
/// );
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) idempotency: IdempotencyMode,
    pub(crate) request_id: Option<String>,
}

impl CallOptions {
    /// The time for the whole call, in place of the client's.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The idempotency key, in place of 128 random bits: the service answers every call that has it with the first
    /// one's answer, so a program that crashed can ask again. It names one call: never use it for another input.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency = IdempotencyMode::Key(key.into());
        self
    }

    /// Sends no idempotency key; then only what was surely not processed is tried again.
    #[must_use]
    pub fn without_idempotency_key(mut self) -> Self {
        self.idempotency = IdempotencyMode::Off;
        self
    }

    /// The `x-request-id` that goes with the call, in place of a random one.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }
}

/// How the service is to recognise a repeated call.
#[derive(Clone, Debug, Default)]
pub(crate) enum IdempotencyMode {
    /// A random key for each call.
    #[default]
    Fresh,
    Key(String),
    Off,
}
