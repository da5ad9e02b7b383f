//! Bounds on what one call and all calls together may take of the process.

use std::time::Duration;

use amaas_config::{ConfigError, Variable, process};
use amaas_model::task::{DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_INPUTS};

/// What is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `AMAAS_MAX_BODY_BYTES`: the largest body of a request; 16 MiB where not set.
    pub body_bytes: usize,
    /// `AMAAS_MAX_ROWS`: the most rows of one call; 4,096 where not set. A short body can ask for many rows, and each takes
    /// memory in the network.
    pub rows: usize,
    /// `AMAAS_MAX_SEALED_BYTES`: the memory that sealed bodies may take together before it is known who sent them, those that have
    /// not arrived whole too. Where not set, four of the largest: 73 MiB. A body counts as 64 KiB at the least. Half as many bodies
    /// are opened at once as there are processors, and each of those takes as much again.
    pub sealed_bytes: usize,
    /// `AMAAS_MAX_CONNECTIONS`: the most connections of the http host; 1,024 where not set, and fewer where the process may not open
    /// as many files. Another one takes the place of that which has gone longest without a whole request.
    pub connections: usize,
    /// `AMAAS_WRITE_TIMEOUT_SECONDS`: a caller that takes nothing of its answer for so long loses its connection; 30 where not set.
    pub write_timeout: Duration,
    /// `AMAAS_KEEP_ALIVE_SECONDS`: a streamed answer of which nothing came for so long has a comment, so that no proxy gives it up; 15
    /// where not set.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let body_bytes = DEFAULT_MAX_BODY_BYTES;
        Self {
            body_bytes,
            rows: DEFAULT_MAX_INPUTS,
            sealed_bytes: 4 * sealed(body_bytes),
            connections: 1024,
            write_timeout: Duration::from_secs(WRITE_TIMEOUT as u64),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// The most bytes that a body of `content` bytes has when it is sealed: field sections, padding by an eighth and the seals of chunks
/// come on top of it.
fn sealed(content: usize) -> usize {
    (content.saturating_add(content / 8)).saturating_add(128 << 10)
}

impl Limits {
    /// What the process's environment says of them.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(process)
    }

    /// What `variables` say of them.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let (variable, default) = (|name| Variable::read(&variables, name), Self::default());
        let body_bytes = variable("AMAAS_MAX_BODY_BYTES").positive(default.body_bytes)?;
        let seconds = variable("AMAAS_WRITE_TIMEOUT_SECONDS").positive(WRITE_TIMEOUT)?;
        Ok(Self {
            body_bytes,
            rows: variable("AMAAS_MAX_ROWS").positive(default.rows)?,
            sealed_bytes: sealed_bytes(variable("AMAAS_MAX_SEALED_BYTES"), sealed(body_bytes))?,
            connections: variable("AMAAS_MAX_CONNECTIONS").positive(default.connections)?,
            write_timeout: Duration::from_secs(seconds as u64),
            keep_alive: variable("AMAAS_KEEP_ALIVE_SECONDS").seconds(default.keep_alive)?,
        })
    }

    /// The largest sealed body.
    pub(crate) fn sealed_body_bytes(&self) -> usize {
        sealed(self.body_bytes)
    }
}

/// A number of bytes that one sealed body of the largest size fits in.
fn sealed_bytes(variable: Variable, least: usize) -> Result<usize, ConfigError> {
    let Some(value) = variable.value() else { return Ok(least.saturating_mul(4)) };
    match value.parse() {
        Ok(bytes) if bytes >= least => Ok(bytes),
        _ => Err(variable.error(&format!("a number from {least} up, which one sealed body can have"))),
    }
}

/// Seconds: a client on a bad line takes some bytes now and then.
const WRITE_TIMEOUT: usize = 30;
