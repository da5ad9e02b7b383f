//! Options of one call.

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
    /// The time-out of the call, in place of the client's.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The idempotency key, in place of 128 random bits. The service replays the first answer to every call with this key, so a
    /// program can repeat a call after a crash. It names one call: never use it for another input.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency = IdempotencyMode::Key(key.into());
        self
    }

    /// Sends no idempotency key. Then only requests that were certainly not processed are retried.
    #[must_use]
    pub fn without_idempotency_key(mut self) -> Self {
        self.idempotency = IdempotencyMode::Off;
        self
    }

    /// The `x-request-id` of the call, in place of a random one.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }
}

/// How the service recognises a repeated call.
#[derive(Clone, Debug, Default)]
pub(crate) enum IdempotencyMode {
    /// A random key for each call.
    #[default]
    Fresh,
    Key(String),
    Off,
}
