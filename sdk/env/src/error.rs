//! Why settings cannot be used.

use std::error::Error;

/// Why an env file or the environment cannot be used. The text names the file or the variable and the remedy, and no value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EnvError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl EnvError {
    /// The text and the source, apart.
    pub fn into_parts(self) -> (String, Option<Box<dyn Error + Send + Sync>>) {
        (self.message, self.source)
    }

    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
