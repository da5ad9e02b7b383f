//! Why an attempt failed, and whether that allows a retry.

/// Why an attempt failed, as far as a retry is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureCause {
    /// There was no connection.
    NotSent,
    /// The connection was lost after bytes went out.
    Lost,
    /// The attempt timed out.
    TimedOut,
    /// The service states that it processed nothing.
    NotProcessed,
    /// The service answered with this status.
    Status(u16),
    /// A sealed call was answered with this status outside the seal, which an attacker on the network can write.
    Unsealed(u16),
    /// The service refused the seal or the credentials, processed nothing, and the client has removed the reason.
    Recovered(Recovery),
    /// Another attempt would fail too.
    Permanent,
}

/// The recovery from a refusal. Each is tried once in a call and does not count as a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// The cached keys are dropped.
    Keys,
    /// The clock is set.
    Clock,
    /// The provider has other credentials.
    Credentials,
}

/// Whether the service recognises a repeated request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replayability {
    /// It does: there is an idempotency key, or the method is read-only.
    Idempotent,
    /// It does not.
    NotIdempotent,
}

impl FailureCause {
    /// The table in `docs/retries.md`.
    pub(super) fn allows_retry(self, repeat: Replayability) -> bool {
        match self {
            Self::NotSent | Self::NotProcessed | Self::Status(408 | 429 | 503) => true,
            Self::Lost | Self::TimedOut | Self::Status(502 | 504) | Self::Unsealed(408 | 429 | 502..=504) => {
                repeat == Replayability::Idempotent
            }
            Self::Status(_) | Self::Unsealed(_) | Self::Recovered(_) | Self::Permanent => false,
        }
    }
}
