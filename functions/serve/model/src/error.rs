//! Errors of calls to a model.

use std::borrow::Cow;
use std::time::Duration;

use amaas_engine::cpu::WorkError;
use amaas_engine::generate::PromptError;
use amaas_engine::infer::ValidationError;
use amaas_engine::{InvalidInput, RunError};
use amaas_wire::DecodeError;
use amaas_wire::classify;

/// Errors in the body of a call.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum InputError {
    /// The body is not the JSON that the route expects.
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    /// The input is well formed, but the model does not accept it.
    #[error("{0}")]
    Invalid(String),
    /// The route does not accept a member of the body.
    #[error("{message}")]
    Parameter { param: Cow<'static, str>, message: String },
    /// The route does not accept the body, and no single member is at fault.
    #[error("{0}")]
    Body(String),
}

classify! { InputError {
    Self::Malformed(DecodeError::Json(_)) => 400, "malformed-body", "malformed body";
    Self::Malformed(_) | Self::Body(_) => 400, "invalid-input", "invalid input";
    Self::Invalid(_) => 400, "invalid-input", "invalid input", param = "input";
    Self::Parameter { param, .. } => 400, "invalid-input", "invalid input", param = param;
} }

/// Errors of a prediction.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The body is at fault.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The run failed, or its outputs cannot be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The host of the call refused CPU work or a charge, and has recorded why.
    #[error("the call was refused")]
    Refused,
}

impl PredictError {
    /// The input is well formed, but the model does not accept it.
    pub fn invalid(what: impl Into<String>) -> Self {
        InputError::Invalid(what.into()).into()
    }

    /// The route does not accept the member `param` of the request.
    pub fn parameter(param: &'static str, message: impl Into<String>) -> Self {
        InputError::Parameter { param: Cow::Borrowed(param), message: message.into() }.into()
    }

    /// The network output a value that is not a finite number.
    pub fn not_finite(what: impl Into<String>) -> Self {
        RunError::NotFinite(what.into()).into()
    }

    /// An internal error, with the text for the log.
    #[allow(clippy::needless_pass_by_value)] // reads well as `map_err(PredictError::internal)`
    pub fn internal(what: impl ToString) -> Self {
        RunError::failed(what.to_string()).into()
    }

    /// The same error, of the entry `index` of the list `member` of the request.
    #[must_use]
    pub fn in_entry(self, member: &str, index: usize) -> Self {
        let at = |what: &str| format!("{member}[{index}]: {what}");
        match self {
            Self::Input(InputError::Invalid(what)) => InputError::Invalid(at(&what)).into(),
            Self::Input(InputError::Parameter { param, message }) => {
                let param = Cow::Owned(format!("{member}[{index}].{param}"));
                InputError::Parameter { param, message: at(&message) }.into()
            }
            Self::Input(InputError::Malformed(error)) => {
                InputError::Malformed(DecodeError::Json(at(&error.to_string()))).into()
            }
            Self::Run(RunError::NotFinite(what)) => Self::not_finite(at(&what)),
            other => other,
        }
    }

    /// The text for the operator or the publisher of the model.
    pub fn for_operator(&self) -> String {
        match self {
            Self::Input(error) => error.to_string(),
            Self::Run(RunError::TooLarge { internal, .. }) => internal.clone(),
            Self::Run(error) => error.for_operator(),
            Self::Refused => self.to_string(),
        }
    }
}

impl From<DecodeError> for PredictError {
    fn from(error: DecodeError) -> Self {
        InputError::from(error).into()
    }
}

impl From<ValidationError> for InputError {
    fn from(error: ValidationError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<InvalidInput> for PredictError {
    fn from(error: InvalidInput) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<WorkError> for PredictError {
    fn from(error: WorkError) -> Self {
        Self::internal(error)
    }
}

impl From<PromptError> for PredictError {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::Parameter { param, message } => {
                InputError::Parameter { param: Cow::Borrowed(param), message }.into()
            }
            PromptError::Internal { internal } => Self::internal(internal),
            error => Self::internal(error),
        }
    }
}

/// Errors of a model that does not answer on a route.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ModelError {
    /// There is no such model.
    #[error("unknown model {model:?}")]
    UnknownModel { model: String },
    /// The version is not served.
    #[error("model {model:?} has no version {got:?} here; version {serving:?} is served")]
    UnknownVersion { model: String, got: String, serving: String },
    /// The model has no task.
    #[error("model {model:?} has no task, so it has no predict route; use POST /v2/models/{model}/infer")]
    NoTask { model: String },
    /// The model does not embed texts.
    #[error("model {model:?} makes no embeddings; GET /v1/models names the task of each model")]
    NoEmbeddings { model: String },
    /// The model does not rank documents.
    #[error("model {model:?} ranks no documents; GET /v1/models names the task of each model")]
    NoRanking { model: String },
    /// The model does not generate text.
    #[error("model {model:?} generates no text; GET /v1/models names the task of each model")]
    NoCompletions { model: String },
    /// The model generates text and takes no tensors.
    #[error("model {model:?} generates text and takes no tensors; use POST /v1/completions or its predict route")]
    NoTensors { model: String },
    /// The model is not loaded.
    #[error("model {model:?} is not ready: {reason}")]
    NotReady {
        model: String,
        reason: String,
        /// When to retry; `None` if the operator or the publisher has to act first.
        retry_after: Option<Duration>,
    },
}

classify! { ModelError {
    Self::UnknownModel { .. } => 404, "unknown-model", "unknown model", param = "model";
    Self::UnknownVersion { .. } => 404, "unknown-version", "unknown version";
    Self::NoTask { .. } => 404, "no-task", "no typed route";
    Self::NoEmbeddings { .. } => 404, "no-embeddings", "no embeddings", param = "model";
    Self::NoRanking { .. } => 404, "no-ranking", "no ranking", param = "model";
    Self::NoCompletions { .. } => 404, "no-completions", "no completions", param = "model";
    Self::NoTensors { .. } => 404, "no-tensors", "no tensors";
    Self::NotReady { retry_after, .. } => 503, "not-ready", "not ready", retry = *retry_after;
} }
