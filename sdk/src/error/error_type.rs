//! The error type.

use std::fmt;
use std::time::Duration;

use amaas_wire::problem::Problem;

use super::cause;
use super::duration::ReadableDuration;
use super::kind::ErrorKind;

/// Any error: the source of an [`Error`], or the error of a [`CredentialProvider`](crate::CredentialProvider).
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed, or why a client could not be made.
///
/// `Display` has the error, the number of attempts, the time to wait, and the reason: the server's own explanation, or the cause of a
/// connection error (DNS, refused, certificate).
///
/// ```
/// use amaas::{Client, ErrorKind};
///
/// let error = Client::builder().endpoint("https://models.example.com").api_key("mistyped").build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Config);
/// assert_eq!(error.to_string(), "the API key is malformed: an API key begins with \"amaas_\"");
/// ```
pub struct Error(Box<ErrorDetails>);

impl Error {
    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the last answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The request id to quote to the operator: the answer's, else the one that was sent; `None` if nothing was sent.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The number of attempts; 0 if the error was found before the first.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Whether the same call may succeed later. The client's own retries are already over.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Connect, Damaged, Interrupted, RateLimited, Timeout, Unavailable};
        matches!(self.0.kind, Connect | Damaged | Interrupted | RateLimited | Timeout | Unavailable)
    }

    /// How long the service asked to wait before the next call.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The service's own explanation.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The problem document (RFC 9457) of a native route; its `kind` is a stable name that a program can match.
    pub fn problem(&self) -> Option<&Problem> {
        self.0.problem.as_ref()
    }

    /// Whether the error comes from an answer outside the seal, which a gateway or an attacker on the network can write.
    pub fn is_unsealed(&self) -> bool {
        self.0.unsealed
    }

    pub(crate) fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(ErrorDetails { kind, what: what.into(), ..ErrorDetails::default() }))
    }

    pub(crate) fn config(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, what)
    }

    pub(crate) fn invalid_input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, what)
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// With a source whose text `Display` shows too.
    pub(crate) fn with_cause(mut self, source: BoxError) -> Self {
        self.0.cause = Some(cause::text(&*source)).filter(|text| !text.is_empty());
        self.with_source(source)
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_explanation(mut self, detail: Option<String>, problem: Option<Problem>) -> Self {
        self.0.detail = detail;
        self.0.problem = problem;
        self
    }

    /// Marks the error of an answer outside the seal.
    pub(crate) fn unsealed(mut self) -> Self {
        self.0.unsealed = true;
        self
    }

    /// The same error, with another kind and text.
    pub(crate) fn of_kind(mut self, kind: ErrorKind, what: &str) -> Self {
        self.0.kind = kind;
        what.clone_into(&mut self.0.what);
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// Sets the request id unless there is one.
    pub(crate) fn or_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = self.0.request_id.or(id);
        self
    }

    pub(crate) fn after(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed = elapsed;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorDetails { what, status, attempts, retry_after, detail, cause, unsealed, .. } = &*self.0;
        f.write_str(what)?;
        if let Some(status) = status {
            write!(f, " ({status})")?;
        }
        match attempts {
            0 => {}
            1 => f.write_str(" after 1 attempt")?,
            _ => write!(f, " after {attempts} attempts")?,
        }
        if let Some(wait) = retry_after.filter(|wait| !wait.is_zero()) {
            write!(f, ", try again in {}", ReadableDuration(wait))?;
        }
        if let Some(detail) = detail {
            let origin = if *unsealed { ", said outside the seal: " } else { ": " };
            write!(f, "{origin}{detail}")?;
        }
        if let Some(cause) = cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("request_id", &self.0.request_id)
            .field("elapsed", &self.0.elapsed)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

#[derive(Default)]
struct ErrorDetails {
    kind: ErrorKind,
    what: String,
    detail: Option<String>,
    problem: Option<Problem>,
    status: Option<u16>,
    request_id: Option<String>,
    attempts: u32,
    elapsed: Duration,
    retry_after: Option<Duration>,
    unsealed: bool,
    cause: Option<String>,
    source: Option<BoxError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_says_what_how_often_and_why() {
        let error = Error::new(ErrorKind::Unavailable, "the service is not available");
        assert_eq!(error.to_string(), "the service is not available");
        let error = error.with_status(503).after(3, Duration::from_secs(1));
        assert_eq!(error.to_string(), "the service is not available (503) after 3 attempts");
        let error = error.with_explanation(Some("the queue is full".to_owned()), None).after(1, Duration::ZERO);
        assert_eq!(error.to_string(), "the service is not available (503) after 1 attempt: the queue is full");
    }

    #[test]
    fn display_says_how_long_to_wait() {
        for (seconds, said) in [
            (0.0, ""),
            (0.2, ", try again in 1 s"),
            (120.0, ", try again in 120 s"),
            (121.0, ", try again in 3 min"),
            (7_201.0, ", try again in 3 h"),
            (172_801.0, ", try again in 3 days"),
        ] {
            let error = Error::new(ErrorKind::RateLimited, "too many calls").with_status(429);
            let error = error.with_retry_after(Some(Duration::from_secs_f64(seconds)));
            assert_eq!(error.to_string(), format!("too many calls (429){said}"));
        }
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        for (status, retryable) in
            [(400, false), (401, false), (402, false), (408, true), (429, true), (500, false), (503, true)]
        {
            let (kind, what) = ErrorKind::of_status(status);
            assert_eq!(Error::new(kind, what).is_retryable(), retryable, "{status}");
        }
    }
}
