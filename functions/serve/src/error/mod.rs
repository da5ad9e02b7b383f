//! The error of a call: one group for each stage, each with the text for the caller and the text for the log.
//!
//! The group of an error alone defines its status, slug, title and retry advice ([`classify!`](amaas_wire::classify)). The `OpenAPI`
//! document, the responses and the tests read them from there.
//!
//! Invariant: the public text names tensor, datatype, shape or limit, and never contains a value of the payload, a key or
//! a path of the machine.

mod body;
mod capacity;
mod idempotency;
mod response;
mod route;
mod sealing;

use std::borrow::Cow;
use std::time::Duration;

use amaas_access::AccessError;
use amaas_access::oidc::TokenError;
use amaas_access::quota::QuotaError;
use amaas_engine::cpu::WorkError;
use amaas_engine::generate::PromptError;
use amaas_engine::infer::ValidationError;
use amaas_engine::{InvalidInput, RunError};
use amaas_model::{InputError, ModelError, PredictError};
use amaas_wire::DecodeError;
use amaas_wire::MalformedKey;
use amaas_wire::{Classified, Classify, ErrorClass};
use http::StatusCode;

pub(crate) use self::body::BodyError;
pub(crate) use self::capacity::CapacityError;
pub(crate) use self::idempotency::IdempotencyError;
pub(crate) use self::response::ResponseError;
pub(crate) use self::route::RouteError;
pub(crate) use self::sealing::SealedCallError;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No route takes the request.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The body was not read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A sealed call is refused, or a plain call that should be sealed.
    #[error(transparent)]
    Sealed(#[from] SealedCallError),
    /// The caller is refused.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The bearer token is refused, or cannot be checked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There is no room for the call now.
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    /// The model does not answer on the route.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model does not accept the input.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A limit or a budget refuses the call.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The idempotency key is refused.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The run has no outputs.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The response is not sent.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

impl Error {
    /// The classes of all errors, group by group.
    pub const GROUPS: [&'static [ErrorClass]; 12] = [
        RouteError::CLASSES,
        BodyError::CLASSES,
        SealedCallError::CLASSES,
        AccessError::CLASSES,
        TokenError::CLASSES,
        CapacityError::CLASSES,
        ModelError::CLASSES,
        InputError::CLASSES,
        QuotaError::CLASSES,
        IdempotencyError::CLASSES,
        RunError::CLASSES,
        ResponseError::CLASSES,
    ];

    /// Well-formed input that the model does not accept.
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        InputError::Invalid(what.into()).into()
    }

    /// A member of the body that the route does not accept.
    pub(crate) fn parameter(param: &'static str, message: String) -> Self {
        InputError::Parameter { param: Cow::Borrowed(param), message }.into()
    }

    /// A fault of the service, with the text for the log.
    pub fn internal(text: impl Into<String>) -> Self {
        ResponseError::Internal { internal: text.into() }.into()
    }

    fn classified(&self) -> Classified<'_> {
        match self {
            Self::Route(error) => error.classify(),
            Self::Body(error) => error.classify(),
            Self::Sealed(error) => error.classify(),
            Self::Access(error) => error.classify(),
            Self::Token(error) => error.classify(),
            Self::Capacity(error) => error.classify(),
            Self::Model(error) => error.classify(),
            Self::Input(error) => error.classify(),
            Self::Quota(error) => error.classify(),
            Self::Idempotency(error) => error.classify(),
            Self::Run(error) => error.classify(),
            Self::Response(error) => error.classify(),
        }
    }

    /// Status, slug, title and whether a retry can help.
    pub fn class(&self) -> ErrorClass {
        self.classified().class
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.class().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable name of the class.
    pub fn slug(&self) -> &'static str {
        self.class().slug
    }

    /// Whether the error concerns the sealing and not the route.
    pub fn is_sealing_error(&self) -> bool {
        matches!(self, Self::Sealed(SealedCallError::Date { .. } | SealedCallError::Replayed))
    }

    /// The member of the body at fault, if it is one.
    pub fn param(&self) -> Option<&str> {
        self.classified().param
    }

    /// The text for the log, in addition to the public text.
    pub fn internal_text(&self) -> Option<&str> {
        self.classified().internal
    }

    /// How long the client should wait before it retries, if a retry can help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.classified().retry_after
    }

    /// Whether the network ran and failed because of the client's input.
    pub fn is_run_error(&self) -> bool {
        matches!(
            self,
            Self::Run(RunError::Refused { .. } | RunError::TooLong { .. } | RunError::TooLarge { .. })
                | Self::Response(ResponseError::TooLarge { .. })
        )
    }

    /// Whether the call was refused before any work was done, so that a retry is safe.
    pub fn is_not_processed(&self) -> bool {
        self.retry_after().is_some() && is_not_processed(&self.class())
    }
}

/// Whether calls with an error of `class` were refused before any work was done.
pub(crate) fn is_not_processed(class: &ErrorClass) -> bool {
    class.is_retryable && class.slug != "idempotency-running"
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        InputError::from(error).into()
    }
}

impl From<ValidationError> for Error {
    fn from(error: ValidationError) -> Self {
        InputError::from(error).into()
    }
}

impl From<InvalidInput> for Error {
    fn from(error: InvalidInput) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<MalformedKey> for Error {
    fn from(error: MalformedKey) -> Self {
        AccessError::from(error).into()
    }
}

impl From<PredictError> for Error {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Input(error) => error.into(),
            PredictError::Run(error) => error.into(),
            _ => Self::internal(error.to_string()),
        }
    }
}

impl From<PromptError> for Error {
    fn from(error: PromptError) -> Self {
        PredictError::from(error).into()
    }
}

impl From<WorkError> for Error {
    fn from(error: WorkError) -> Self {
        Self::internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn only_what_can_be_tried_again_says_so() {
        assert!(Error::from(RunError::QueueFull).is_not_processed());
        assert!(Error::from(SealedCallError::Backlog).is_not_processed());
        assert!(!Error::from(IdempotencyError::Running).is_not_processed());
        assert!(!Error::internal("x").is_not_processed());
        assert!(!Error::invalid("x").is_not_processed());
    }

    #[test]
    fn internal_texts_stay_inside() {
        let error = Error::internal("/secret/path");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(error.internal_text(), Some("/secret/path"));
    }

    #[test]
    fn a_slug_has_one_status_and_one_title() {
        let mut known = BTreeMap::new();
        for class in Error::GROUPS.concat() {
            let first = *known.entry(class.slug).or_insert(class);
            assert_eq!((first.status, first.title), (class.status, class.title), "{}", class.slug);
        }
    }
}
