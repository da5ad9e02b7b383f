//! The kinds of errors, and the kind of each HTTP status.

use std::fmt;

/// The kinds of [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client cannot be made, has no endpoint for the model, or was called without a tokio runtime. Fault of the set-up.
    Config,
    /// The [`CredentialProvider`](crate::CredentialProvider) failed; nothing was sent.
    Credentials,
    /// No connection could be made, or it was lost before anything of the call was sent.
    Connect,
    /// The endpoint's TLS certificate is not trusted: nothing was sent. It is not tried again.
    Certificate,
    /// The connection was lost after the request went out: the service may have done the work.
    Interrupted,
    /// The service's keys cannot be had, are not trusted, or are refused by it; nothing of the call was read.
    Keys,
    /// A success that is not sealed: whoever wrote it, it is not taken. Nothing of it is in the error.
    NotSealed,
    /// The sealed answer was cut short or altered on the way: the service may have done the work.
    Damaged,
    /// The receipt that came with the answer does not hold: it is malformed, not by a pinned signer, or for another model,
    /// input or output. The answer is not taken, and the service has done the work.
    Receipt,
    /// The time of the call, or of its last attempt, was up; or the service answered 408.
    Timeout,
    /// The service wants valid credentials (401).
    Unauthorized,
    /// What calls may cost this month is spent: the tenant's, or the key's (402). It is not tried again.
    Budget,
    /// The credentials are valid, but not for this (403).
    Forbidden,
    /// No such model, version or route (404, 410).
    NotFound,
    /// The input is wrong (400, 422 and the other 4xx), or was found wrong before it was sent (no status).
    InvalidInput,
    /// The request is larger than the service takes (413), or the answer larger than the client takes.
    TooLarge,
    /// Too many calls (429); [`Error::retry_after`](crate::Error::retry_after) says how long that holds.
    RateLimited,
    /// The service is overloaded, not ready or not there (502, 503, 504).
    Unavailable,
    /// The service failed (500 and the other 5xx).
    Server,
    /// The answer is not what this route answers: a redirect, or a success whose body cannot be read.
    #[default]
    Protocol,
}

impl ErrorKind {
    /// The name of the kind in logs and metrics, such as `rate_limited`: it stays the same from version to version.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Connect => "connect",
            Self::Certificate => "certificate",
            Self::Interrupted => "interrupted",
            Self::Keys => "keys",
            Self::NotSealed => "not_sealed",
            Self::Damaged => "damaged",
            Self::Receipt => "receipt",
            Self::Timeout => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Budget => "budget",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::InvalidInput => "invalid_input",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Server => "server",
            Self::Protocol => "protocol",
        }
    }

    /// The kind for the answer's status, and what it means.
    pub(crate) fn of_status(status: u16) -> (Self, &'static str) {
        match status {
            300..=399 => (Self::Protocol, "the endpoint answered with a redirect, which is not followed"),
            401 => (Self::Unauthorized, "the service does not accept the credentials"),
            402 => (Self::Budget, "the budget is spent"),
            403 => (Self::Forbidden, "the credentials do not allow this call"),
            404 | 410 => (Self::NotFound, "no such model, version or route"),
            408 => (Self::Timeout, "the service did not get the request in time"),
            413 => (Self::TooLarge, "the request is larger than the service takes"),
            429 => (Self::RateLimited, "too many calls"),
            400..=499 => (Self::InvalidInput, "the service refused the input"),
            502..=504 => (Self::Unavailable, "the service is not available"),
            500..=599 => (Self::Server, "the service failed"),
            _ => (Self::Protocol, "the endpoint answered with an unexpected status"),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
