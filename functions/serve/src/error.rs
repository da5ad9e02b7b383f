//! The one error of a call, with two texts: one for the caller and one for the log.
//!
//! Invariant: the public text names tensor, datatype, shape or limit, and never holds a value of the payload, a key or
//! a path of the machine.

use std::borrow::Cow;
use std::time::Duration;

use amaas_wire::DecodeError;
use amaas_wire::MalformedKey;
use http::StatusCode;

use crate::access::oidc::TokenError;

/// Why a call was not answered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum Error {
    /// The body is not the JSON that the route takes.
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    /// Input that is well formed, but not what the model takes.
    #[error("{0}")]
    InvalidInput(String),
    /// A member of the body that is not what the route takes.
    #[error("{message}")]
    Parameter { param: Option<Cow<'static, str>>, message: String },
    /// The network itself refused the values, such as an index out of range.
    #[error("{public}")]
    Refused { public: String, internal: String },
    /// The run did not end in the time that one may take.
    #[error(
        "the network did not answer these inputs within {}; the run was ended. Sent again as they are, they would be no faster",
        limit.map_or_else(|| "the time that a run may take".to_owned(), |limit| format!("{} s", limit.as_secs_f64()))
    )]
    RunTooLong { limit: Option<Duration> },
    /// The network asked for more memory than a run may take, because of what the inputs are.
    #[error("{public}")]
    RunTooLarge { public: String, internal: String },
    /// There was too little memory for a run that asked for no more than it may.
    #[error("there is too little memory for the run at the moment; try again later")]
    OutOfMemory { internal: String },
    /// The model's network was given up while this call waited for it.
    #[error("a run of another call does not end, so the model is being loaded again")]
    Lost,
    /// More bytes than the limit.
    #[error("the body is larger than the limit of {limit} bytes{}", got.map(|got| format!(": got {got}")).unwrap_or_default())]
    BodyTooLarge { limit: usize, got: Option<u64> },
    /// A body that is not JSON by its own word.
    #[error("content type {got:?} is not taken here; expected application/json")]
    MediaType { got: String },
    /// A body in a content coding that is not taken.
    #[error("content coding {got:?} is not taken here; expected gzip, deflate or none")]
    ContentCoding { got: String },
    /// A body that is not what its content coding makes.
    #[error("the body is not whole {coding}{}", if *coding == "deflate" { "; expected the zlib format (RFC 1950), as RFC 9110 has it" } else { "" })]
    Compressed { coding: &'static str },
    /// The body did not arrive in time.
    #[error("no byte of the body arrived for {} s", seconds)]
    BodyTimeout { seconds: u64 },
    /// The body came, but too slowly.
    #[error("the body did not arrive within {} s", seconds)]
    BodySlow { seconds: u64 },
    /// The caller went away in the middle of the body.
    #[error("the body broke off")]
    BodyBroken,
    /// The body's transfer coding is not what HTTP/1.1 has.
    #[error("the body is not whole chunks; expected the chunked transfer coding of RFC 9112 \u{a7}7.1")]
    BodyChunks,
    /// No key was sent.
    #[error("no API key: send it as \"Authorization: Bearer amaas_…\" or \"x-api-key: amaas_…\"")]
    KeyMissing,
    /// The key cannot be one.
    #[error("malformed API key: {0}")]
    KeyMalformed(#[from] MalformedKey),
    /// Nobody has this key.
    #[error("unknown API key: it was never made here, or was revoked long ago")]
    KeyUnknown,
    /// The key is past its end.
    #[error("the API key has expired")]
    KeyExpired,
    /// The key was revoked.
    #[error("the API key was revoked")]
    KeyRevoked,
    /// The bearer token is not good, or cannot be checked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The key may not do this.
    #[error("the API key may not use model {model:?}")]
    KeyScope { model: String },
    /// The key may not use these routes.
    #[error("the API key may not use the {routes} routes")]
    KeyRoutes { routes: &'static str },
    /// The caller is known, and is nobody's tenant.
    #[error("there is no tenant {tenant:?} here")]
    TenantUnknown { tenant: String },
    /// The tenant's calls are not taken.
    #[error("calls of tenant {tenant:?} are suspended")]
    TenantSuspended { tenant: String },
    /// The tenant has as many calls in preparation as it may have.
    #[error("the tenant's calls that are being read come to {limit} already")]
    TenantBusy { limit: String },
    /// The model or the function has.
    #[error("calls of all tenants that {what} is reading come to {limit} already")]
    Busy { what: &'static str, limit: String },
    /// More than a minute's worth.
    #[error("the limit of {limit} is reached")]
    RateLimited { limit: String, wait: Duration },
    /// More than a month's worth.
    #[error("the limit of {limit} is reached until the month is over (UTC)")]
    QuotaExhausted { limit: String, wait: Duration },
    /// A single call of more than the limit ever has room for.
    #[error("the call alone is more than the limit of {limit}; send fewer inputs a call")]
    OverLimit { limit: String },
    /// The tenant's budget is spent.
    #[error("the budget of {budget} is spent until the month is over (UTC)")]
    BudgetExhausted { budget: String },
    /// What calls with the key may cost is spent.
    #[error("what calls with this API key may cost, {budget}, is spent until the month is over (UTC)")]
    KeyBudgetExhausted { budget: String },
    /// A single call costs more than the tenant's budget ever has room for.
    #[error(
        "the call alone costs more than the budget of {budget}; send fewer inputs a call, or have the budget raised"
    )]
    OverBudget { budget: String },
    /// The same, for what calls with the key may cost.
    #[error(
        "the call alone costs more than calls with this API key may cost, {budget}; send fewer inputs a call, or have that raised"
    )]
    OverKeyBudget { budget: String },
    /// The ledger could not be asked about usage.
    #[error("usage cannot be read at the moment")]
    UsageUnavailable { internal: String },
    /// The ledger could not be asked about limits.
    #[error("limits cannot be checked at the moment")]
    QuotasUnavailable { internal: String },
    /// The ledger could not be asked about the key.
    #[error("API keys cannot be checked at the moment")]
    KeysUnavailable { internal: String },
    /// No such model here.
    #[error("unknown model {model:?}")]
    UnknownModel { model: String },
    /// No such version here.
    #[error("model {model:?} has no version {got:?} here; version {serving:?} is served")]
    UnknownVersion { model: String, got: String, serving: String },
    /// The model has no typed route.
    #[error("model {model:?} has no task, so it has no predict route; use POST /v2/models/{model}/infer")]
    NoTask { model: String },
    /// The model's task makes no vectors of texts.
    #[error("model {model:?} makes no embeddings; GET /v1/models names the task of each model")]
    NoEmbeddings { model: String },
    /// The model's task does not go on with texts.
    #[error("model {model:?} completes no texts; GET /v1/models names the task of each model")]
    NoCompletions { model: String },
    /// The model's network is run step by step.
    #[error("model {model:?} goes on with texts and takes no tensors; use POST /v1/completions or its predict route")]
    NoTensors { model: String },
    /// A path or a query that cannot be read.
    #[error("the path or the query of the URL cannot be read; expected percent-encoded UTF-8")]
    Url,
    /// A plain call to a function that takes sealed ones only.
    #[error(
        "this function takes sealed calls only (message/ohttp-chunked-req); the keys are at /v1/models/{{model}}/keys"
    )]
    SealingRequired,
    /// A sealed call to a function that has no keys.
    #[error("this function has no keys to open sealed calls with")]
    NoSealing,
    /// The keys that open sealed calls are not there, or cannot be read.
    #[error("{public}")]
    SealingUnavailable { public: String, internal: String },
    /// Sealed bodies that are under way take all the memory that there is for them.
    #[error("too many sealed calls are on their way to this function; try again later")]
    SealedBacklog,
    /// What was sealed is not a call to this route.
    #[error("the sealed message is not a call to this route: {0}")]
    SealedMessage(String),
    /// What should be an idempotency key is none.
    #[error("the idempotency key is malformed; expected one header of 1 to 255 visible ASCII characters")]
    IdempotencyKey,
    /// The key belongs to another call.
    #[error("the idempotency key was used for another call in the last 24 hours; each call needs its own")]
    IdempotencyReused,
    /// The first call with the key has not ended.
    #[error("a call with the same idempotency key is still under way")]
    IdempotencyRunning,
    /// It cannot be told whether the call was answered already.
    #[error("the function's ledger cannot be used at the moment")]
    LedgerUnavailable { internal: String },
    /// The date of a sealed call is missing or of another time; `now` is this function's.
    #[error("{reason}")]
    Date { reason: String, now: String },
    /// A sealed call that was taken already.
    #[error("this sealed call was taken already; seal the call again to send it again")]
    Replayed,
    /// Nobody can tell whether a sealed call was taken already.
    #[error("calls that come again cannot be told from others at the moment")]
    ReplaysUnavailable { internal: String },
    /// A call that would have a model loaded or unloaded.
    #[error(
        "models are not loaded or unloaded by calls to a function; `amaas publish` and `amaas alias` say what is served"
    )]
    Repository,
    /// No such route.
    #[error(
        "there is no such route; the routes are /openapi.json, /v2, /v2/health/{{live,ready}}, /v2/models/{{model}}[/ready|/infer|/config|/stats], /v2/repository/index, /v1/models[/{{model}}], /v1/models/{{model}}/predict, /v1/models/{{model}}/keys[/manifest], /v1/embeddings, /v1/completions and /v1/usage"
    )]
    UnknownRoute,
    /// The route takes another method.
    #[error("the route does not take this method")]
    Method,
    /// The queue is full.
    #[error("the model is at its capacity; try again later")]
    QueueFull,
    /// The function is stopping.
    #[error("the function is stopping")]
    Draining,
    /// The model is not loaded.
    #[error("model {model:?} is not ready: {reason}")]
    NotReady {
        model: String,
        reason: String,
        /// When it may be, unless an operator or a publisher has to act first.
        again: Option<Duration>,
    },
    /// The answer cannot be written as JSON.
    #[error("{0}")]
    Unwritable(String),
    /// The answer is larger than the host can carry, or than one may be (`AMAAS_MAX_ANSWER_BYTES`).
    #[error("the answer has {got} bytes, more than the {limit} that one may have here; send fewer rows a call")]
    AnswerTooLarge { limit: u64, got: u64 },
    /// A fault of ours.
    #[error("internal error")]
    Internal { internal: String },
}

impl Error {
    /// A member of the body that is not what the route takes.
    pub(crate) fn parameter(param: &'static str, message: String) -> Self {
        Self::Parameter { param: Some(Cow::Borrowed(param)), message }
    }

    /// A fault of ours, with what the log should say.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::Internal { internal: text.into() }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.class().0
    }

    /// The stable name of the kind of error.
    pub fn slug(&self) -> &'static str {
        self.class().1
    }

    /// The `type` of its problem document.
    pub fn kind(&self) -> String {
        match self {
            Self::Date { .. } => amaas_ohttp::DATE_PROBLEM.to_owned(),
            _ => format!("{}{}", amaas_wire::problem::TYPE_PREFIX, self.slug()),
        }
    }

    /// Whether it is about the sealing and not about the route.
    pub fn is_of_sealing(&self) -> bool {
        matches!(self, Self::Date { .. } | Self::Replayed)
    }

    /// A short text for the kind of error.
    pub fn title(&self) -> &'static str {
        self.class().2
    }

    fn class(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed(DecodeError::Json(_)) | Self::BodyChunks => {
                (S::BAD_REQUEST, "malformed-body", "malformed body")
            }
            Self::Malformed(_) | Self::InvalidInput(_) | Self::Parameter { .. } => {
                (S::BAD_REQUEST, "invalid-input", "invalid input")
            }
            Self::Refused { .. } => (S::UNPROCESSABLE_ENTITY, "refused-by-network", "refused by the network"),
            Self::RunTooLong { .. } => (S::UNPROCESSABLE_ENTITY, "run-too-long", "the run took too long"),
            Self::RunTooLarge { .. } => (S::UNPROCESSABLE_ENTITY, "run-too-large", "the run needs too much memory"),
            Self::OutOfMemory { .. } => (S::SERVICE_UNAVAILABLE, "out-of-memory", "too little memory"),
            Self::Lost => (S::SERVICE_UNAVAILABLE, "model-lost", "the model is loaded again"),
            Self::BodyTooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body-too-large", "body too large"),
            Self::MediaType { .. } => (S::UNSUPPORTED_MEDIA_TYPE, "media-type", "unsupported media type"),
            Self::ContentCoding { .. } => (S::UNSUPPORTED_MEDIA_TYPE, "content-coding", "unsupported content coding"),
            Self::Compressed { .. } => (S::BAD_REQUEST, "compressed-body", "unreadable compressed body"),
            Self::BodyTimeout { .. } | Self::BodySlow { .. } | Self::BodyBroken => {
                (S::REQUEST_TIMEOUT, "body-timeout", "the body did not arrive")
            }
            Self::KeyMissing => (S::UNAUTHORIZED, "key-missing", "no API key"),
            Self::KeyMalformed(_) => (S::UNAUTHORIZED, "key-malformed", "malformed API key"),
            Self::KeyUnknown => (S::UNAUTHORIZED, "key-unknown", "unknown API key"),
            Self::KeyExpired => (S::UNAUTHORIZED, "key-expired", "expired API key"),
            Self::Token(error) => token_class(error),
            Self::KeyRevoked => (S::UNAUTHORIZED, "key-revoked", "revoked API key"),
            Self::KeyScope { .. } => (S::FORBIDDEN, "key-scope", "out of the key's scope"),
            Self::KeyRoutes { .. } => (S::FORBIDDEN, "key-routes", "out of the key's scope"),
            Self::TenantUnknown { .. } => (S::FORBIDDEN, "tenant-unknown", "unknown tenant"),
            Self::TenantSuspended { .. } => (S::FORBIDDEN, "tenant-suspended", "suspended tenant"),
            Self::TenantBusy { .. } => (S::TOO_MANY_REQUESTS, "tenant-busy", "too many calls of the tenant at once"),
            Self::Busy { .. } => (S::SERVICE_UNAVAILABLE, "busy", "too many calls at once"),
            Self::RateLimited { .. } => (S::TOO_MANY_REQUESTS, "rate-limited", "rate limited"),
            Self::QuotaExhausted { .. } => (S::TOO_MANY_REQUESTS, "quota-exhausted", "quota exhausted"),
            Self::OverLimit { .. } => (S::PAYLOAD_TOO_LARGE, "over-limit", "more than a limit"),
            Self::BudgetExhausted { .. } | Self::OverBudget { .. } => {
                (S::PAYMENT_REQUIRED, "budget-exhausted", "budget exhausted")
            }
            Self::KeyBudgetExhausted { .. } | Self::OverKeyBudget { .. } => {
                (S::PAYMENT_REQUIRED, "key-budget-exhausted", "budget of the key exhausted")
            }
            Self::UsageUnavailable { .. } => (S::SERVICE_UNAVAILABLE, "usage-unavailable", "usage unavailable"),
            Self::QuotasUnavailable { .. } => {
                (S::SERVICE_UNAVAILABLE, "limits-unavailable", "limits cannot be checked")
            }
            Self::KeysUnavailable { .. } => (S::SERVICE_UNAVAILABLE, "keys-unavailable", "keys unavailable"),
            Self::UnknownModel { .. } => (S::NOT_FOUND, "unknown-model", "unknown model"),
            Self::UnknownVersion { .. } => (S::NOT_FOUND, "unknown-version", "unknown version"),
            Self::NoTask { .. } => (S::NOT_FOUND, "no-task", "no typed route"),
            Self::NoEmbeddings { .. } => (S::NOT_FOUND, "no-embeddings", "no embeddings"),
            Self::NoCompletions { .. } => (S::NOT_FOUND, "no-completions", "no completions"),
            Self::NoTensors { .. } => (S::NOT_FOUND, "no-tensors", "no tensors"),
            Self::SealingRequired => (S::FORBIDDEN, "sealing-required", "sealing required"),
            Self::NoSealing => (S::NOT_FOUND, "no-sealing", "no sealing"),
            Self::SealingUnavailable { .. } => {
                (S::SERVICE_UNAVAILABLE, "sealing-unavailable", "sealing keys unavailable")
            }
            Self::SealedBacklog => (S::SERVICE_UNAVAILABLE, "sealed-backlog", "too many sealed calls under way"),
            Self::Date { .. } => (S::BAD_REQUEST, "date", "date out of the window"),
            Self::Replayed => (S::CONFLICT, "replayed", "replayed"),
            Self::LedgerUnavailable { .. } => (S::SERVICE_UNAVAILABLE, "ledger-unavailable", "ledger unavailable"),
            Self::ReplaysUnavailable { .. } => {
                (S::SERVICE_UNAVAILABLE, "replays-unavailable", "replays cannot be checked")
            }
            Self::SealedMessage(_) => (S::BAD_REQUEST, "sealed-message", "unusable sealed message"),
            Self::IdempotencyKey => (S::BAD_REQUEST, "idempotency-key", "malformed idempotency key"),
            Self::IdempotencyReused => (S::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "idempotency key reused"),
            Self::IdempotencyRunning => (S::CONFLICT, "idempotency-running", "the first call is under way"),
            Self::Url => (S::BAD_REQUEST, "url", "unreadable URL"),
            Self::Repository => (S::FORBIDDEN, "repository", "models are not managed here"),
            Self::UnknownRoute => (S::NOT_FOUND, "unknown-route", "unknown route"),
            Self::Method => (S::METHOD_NOT_ALLOWED, "method", "method not allowed"),
            Self::QueueFull => (S::SERVICE_UNAVAILABLE, "queue-full", "queue full"),
            Self::Draining => (S::SERVICE_UNAVAILABLE, "draining", "stopping"),
            Self::NotReady { .. } => (S::SERVICE_UNAVAILABLE, "not-ready", "not ready"),
            Self::Unwritable(_) => (S::UNPROCESSABLE_ENTITY, "unwritable-answer", "answer cannot be written"),
            Self::AnswerTooLarge { .. } => (S::UNPROCESSABLE_ENTITY, "answer-too-large", "answer too large"),
            Self::Internal { .. } => (S::INTERNAL_SERVER_ERROR, "internal", "internal error"),
        }
    }

    /// The member of the body at fault, where it is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Parameter { param, .. } => param.as_deref(),
            Self::UnknownModel { .. }
            | Self::KeyScope { .. }
            | Self::NoEmbeddings { .. }
            | Self::NoCompletions { .. } => Some("model"),
            Self::InvalidInput(_) | Self::Refused { .. } | Self::RunTooLong { .. } | Self::RunTooLarge { .. } => {
                Some("input")
            }
            _ => None,
        }
    }

    /// What the log should say beyond the public text.
    pub fn internal_text(&self) -> Option<&str> {
        match self {
            Self::Refused { internal, .. }
            | Self::RunTooLarge { internal, .. }
            | Self::OutOfMemory { internal }
            | Self::KeysUnavailable { internal }
            | Self::Token(TokenError::Unavailable { internal })
            | Self::QuotasUnavailable { internal }
            | Self::UsageUnavailable { internal }
            | Self::SealingUnavailable { internal, .. }
            | Self::LedgerUnavailable { internal }
            | Self::ReplaysUnavailable { internal }
            | Self::Internal { internal } => Some(internal),
            _ => None,
        }
    }

    /// How long the caller should wait before it tries again, where trying again can help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QueueFull
            | Self::TenantBusy { .. }
            | Self::Busy { .. }
            | Self::Draining
            | Self::SealedBacklog
            | Self::OutOfMemory { .. }
            | Self::IdempotencyRunning
            | Self::ReplaysUnavailable { .. } => Some(Duration::from_secs(1)),
            // Whole seconds, rounded up, so that who waits so long is not too early.
            Self::RateLimited { wait, .. } | Self::QuotaExhausted { wait, .. } => {
                Some(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
            }
            Self::KeysUnavailable { .. }
            | Self::Token(TokenError::Unavailable { .. })
            | Self::QuotasUnavailable { .. }
            | Self::UsageUnavailable { .. }
            | Self::SealingUnavailable { .. }
            | Self::LedgerUnavailable { .. }
            | Self::Lost => Some(Duration::from_secs(2)),
            Self::NotReady { again, .. } => *again,
            _ => None,
        }
    }

    /// Whether the network ran, and did not answer because of what the caller sent.
    pub fn is_of_the_run(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::RunTooLong { .. } | Self::RunTooLarge { .. } | Self::AnswerTooLarge { .. }
        )
    }

    /// Whether the call was refused before any work was done, so that it may be sent again without any care.
    pub fn is_not_processed(&self) -> bool {
        self.retry_after().is_some() && !matches!(self, Self::IdempotencyRunning)
    }
}

fn token_class(error: &TokenError) -> (StatusCode, &'static str, &'static str) {
    let refused = StatusCode::UNAUTHORIZED;
    match error {
        TokenError::Malformed { .. } => (refused, "token-malformed", "malformed bearer token"),
        TokenError::Expired => (refused, "token-expired", "expired bearer token"),
        TokenError::NotYetValid => (refused, "token-not-yet-valid", "bearer token of a later time"),
        TokenError::Unavailable { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "tokens-unavailable", "tokens cannot be checked")
        }
        _ => (refused, "token-refused", "refused bearer token"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_tried_again_says_so() {
        assert!(Error::QueueFull.is_not_processed());
        assert!(Error::SealedBacklog.is_not_processed());
        assert!(!Error::internal("x").is_not_processed());
        assert!(!Error::InvalidInput("x".to_owned()).is_not_processed());
    }

    #[test]
    fn internal_texts_stay_inside() {
        let error = Error::internal("/secret/path");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(error.internal_text(), Some("/secret/path"));
    }
}
