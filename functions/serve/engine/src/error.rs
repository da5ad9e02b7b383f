//! Errors of runs, with a public message for the client and an internal one for the operator.
//!
//! Invariant: the public message names tensor, operator, shape or limit, and never contains a value of the payload.

use std::time::Duration;

use amaas_wire::classify;

/// Why a run failed. `Display` is the public message.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum RunError {
    /// The queue is full.
    #[error("the model is at its capacity; try again later")]
    QueueFull,
    /// The network refused the values, such as an index out of range.
    #[error("{public}")]
    Refused { public: String, internal: String },
    /// The run was stopped at its deadline; without a limit, it could not be stopped.
    #[error(
        "the network did not answer these inputs within {}; the run was ended. Sent again as they are, they would be no faster",
        limit.map_or_else(|| "the time that a run may take".to_owned(), |limit| format!("{} s", limit.as_secs_f64()))
    )]
    TooLong { limit: Option<Duration> },
    /// The values require more memory than a run may use.
    #[error("{public}")]
    TooLarge { public: String, internal: String },
    /// Too little free memory for a run within its limit.
    #[error("there is too little memory for the run at the moment; try again later")]
    OutOfMemory { internal: String },
    /// The network was given up, because a run of another call does not end.
    #[error("a run of another call does not end, so the model is being loaded again")]
    Lost,
    /// The network's outputs contain NaN or infinity.
    #[error("{0}")]
    NotFinite(String),
    /// The service is at fault.
    #[error("internal error")]
    Failed { internal: String },
}

classify! { RunError {
    Self::QueueFull => 503, "queue-full", "queue full", retry = Duration::from_secs(1);
    Self::Refused { internal, .. } => 422, "refused-by-network", "refused by the network", param = "input", log = internal;
    Self::TooLong { .. } => 422, "run-too-long", "the run took too long", param = "input";
    Self::TooLarge { internal, .. } => 422, "run-too-large", "the run needs too much memory", param = "input", log = internal;
    Self::OutOfMemory { internal } => 503, "out-of-memory", "too little memory", retry = Duration::from_secs(1), log = internal;
    Self::Lost => 503, "model-lost", "the model is loaded again", retry = Duration::from_secs(2);
    Self::NotFinite(_) => 422, "unwritable-answer", "answer cannot be written";
    Self::Failed { internal } => 500, "internal", "internal error", log = internal;
} }

impl RunError {
    /// An internal error, with a message for the log.
    pub fn failed(internal: impl Into<String>) -> Self {
        Self::Failed { internal: internal.into() }
    }

    /// The message for the operator or the publisher.
    pub fn for_operator(&self) -> String {
        match self {
            Self::Refused { internal, .. } | Self::Failed { internal } => internal.clone(),
            Self::TooLong { limit: Some(limit) } => {
                let limit = limit.as_secs_f64();
                format!("the run was ended after {limit} s, the most that one may take (AMAAS_MAX_RUN_SECONDS)")
            }
            Self::TooLong { limit: None } => {
                "the run passed its deadline (AMAAS_MAX_RUN_SECONDS), and one operator of it does not end".to_owned()
            }
            Self::OutOfMemory { internal } => format!("there is too little memory for a run: {internal}"),
            Self::Lost => "a run of the network does not end".to_owned(),
            Self::QueueFull | Self::TooLarge { .. } | Self::NotFinite(_) => self.to_string(),
        }
    }
}

/// Why inputs are refused; shown to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(pub String);

impl InvalidInput {
    /// The message says what was expected and received, without any value of the payload.
    #[allow(clippy::needless_pass_by_value)] // for `map_err(InvalidInput::new)`
    pub fn new(what: impl ToString) -> Self {
        Self(what.to_string())
    }
}

/// An error of the model's files or the network's outputs; logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TaskError(String);

impl TaskError {
    /// The message says what was expected and found.
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(what: impl ToString) -> Self {
        Self(what.to_string())
    }
}
