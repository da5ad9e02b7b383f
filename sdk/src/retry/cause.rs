//! Why an attempt failed, and whether that allows a retry.

/// Why an attempt failed, as far as a retry is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureCause {
    /// There was no connection.
    NotSent,
    /// The connection was lost after bytes went out.
    Lost,
    /// The attempt's time was up.
    TimedOut,
    /// The service said that it processed nothing.
    NotProcessed,
    /// The service answered with this status.
    Status(u16),
    /// A sealed call was answered with this status outside the seal: by the service, or by anyone on the way.
    Unsealed(u16),
    /// The service refused the seal or the credentials, so it processed nothing, and the reason has been seen to.
    Recovered(Recovery),
    /// It will fail again.
    Permanent,
}

/// What was seen to, which is tried once in a call and is no retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// The keys are forgotten.
    Keys,
    /// The clock is set.
    Clock,
    /// There are other credentials.
    Credentials,
}

/// Whether the service can tell a repeated request from a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replayability {
    /// It can: there is an idempotency key, or the method reads only.
    Idempotent,
    /// It cannot.
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
