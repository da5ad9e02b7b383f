//! The kinds of errors, and the kind of each HTTP status.

use std::fmt;

/// The kinds of [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is wrong: the client cannot be built, has no endpoint for the model, or was called without a tokio runtime.
    Config,
    /// The [`CredentialProvider`](crate::CredentialProvider) failed; nothing was sent.
    Credentials,
    /// No connection could be made, or it was lost before anything of the call was sent.
    Connect,
    /// The endpoint's TLS certificate is not trusted. Nothing was sent, and there is no retry.
    Certificate,
    /// The connection was lost after the request was sent. The service may have processed it.
    Interrupted,
    /// The service's keys are unavailable, not trusted, or refused by the service. No part of the call was read.
    Keys,
    /// A success that is not sealed, which is discarded. The error holds nothing of it.
    NotSealed,
    /// The sealed answer was truncated or altered in transit. The service may have processed the call.
    Damaged,
    /// The receipt of the answer is invalid: malformed, not by a pinned signer, or for another model, input or output. The answer is
    /// discarded, and the service has processed the call.
    Receipt,
    /// The call, or its last attempt, timed out; or the service answered 408.
    Timeout,
    /// The credentials are missing or invalid (401).
    Unauthorized,
    /// The budget of the tenant or of the key is exhausted for this month (402). There is no retry.
    Budget,
    /// The credentials are valid, but do not allow this call (403).
    Forbidden,
    /// No such model, version or route (404, 410).
    NotFound,
    /// The input is invalid (400, 422 and the other 4xx, or no status if it was found before sending).
    InvalidInput,
    /// The request is larger than the service accepts (413), or the answer larger than the client accepts.
    TooLarge,
    /// The rate limit is exceeded (429); [`Error::retry_after`](crate::Error::retry_after) is the time to wait.
    RateLimited,
    /// The service is overloaded, not ready or unreachable (502, 503, 504).
    Unavailable,
    /// The service failed (500 and the other 5xx).
    Server,
    /// The answer does not fit the route: a redirect, or a success whose body cannot be read.
    #[default]
    Protocol,
}

impl ErrorKind {
    /// The stable name of the kind in logs and metrics, such as `rate_limited`.
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

    /// The kind and the text for the status of an answer.
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
