//! Limits on one call, and on all calls of the process together.

use std::time::Duration;

use amaas_config::{ConfigError, Variable, process};
use amaas_model::task::{DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_INPUTS};

/// Limits on one call, and on all calls of the process together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `AMAAS_MAX_BODY_BYTES`: the largest body of a request; default 16 MiB.
    pub body_bytes: usize,
    /// `AMAAS_MAX_ROWS`: the most rows of one call; default 4,096. A short body can ask for many rows, and each takes
    /// memory in the network.
    pub rows: usize,
    /// `AMAAS_MAX_SEALED_BYTES`: the memory for sealed bodies of unauthenticated clients together, including incomplete ones. The default
    /// is four of the largest: 73 MiB. A body counts as at least 64 KiB. Half as many bodies are opened at once as there are processors,
    /// and each of those takes its size again.
    pub sealed_bytes: usize,
    /// `AMAAS_MAX_CONNECTIONS`: the most connections of the http host; default 1,024, or fewer if the process may open fewer files.
    /// A further connection replaces the one that has been longest without a whole request.
    pub connections: usize,
    /// `AMAAS_WRITE_TIMEOUT_SECONDS`: a client that reads nothing of its response for so long is disconnected; default 30.
    pub write_timeout: Duration,
    /// `AMAAS_KEEP_ALIVE_SECONDS`: after so long without an event, a streamed response sends a comment, so that no proxy gives it up;
    /// default 15.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let body_bytes = DEFAULT_MAX_BODY_BYTES;
        Self {
            body_bytes,
            rows: DEFAULT_MAX_INPUTS,
            sealed_bytes: 4 * max_sealed_size(body_bytes),
            connections: 1024,
            write_timeout: Duration::from_secs(WRITE_TIMEOUT as u64),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// The most bytes of a sealed body with `content` bytes: sealing adds field sections, padding by an eighth, and the tags of chunks.
fn max_sealed_size(content: usize) -> usize {
    (content.saturating_add(content / 8)).saturating_add(128 << 10)
}

impl Limits {
    /// The limits in the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(process)
    }

    /// The limits in `variables`.
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
            sealed_bytes: sealed_bytes(variable("AMAAS_MAX_SEALED_BYTES"), max_sealed_size(body_bytes))?,
            connections: variable("AMAAS_MAX_CONNECTIONS").positive(default.connections)?,
            write_timeout: Duration::from_secs(seconds as u64),
            keep_alive: variable("AMAAS_KEEP_ALIVE_SECONDS").seconds(default.keep_alive)?,
        })
    }

    /// The largest sealed body.
    pub(crate) fn sealed_body_bytes(&self) -> usize {
        max_sealed_size(self.body_bytes)
    }
}

/// Reads a number of bytes that is enough for one sealed body of the largest size.
fn sealed_bytes(variable: Variable, min_bytes: usize) -> Result<usize, ConfigError> {
    let Some(value) = variable.value() else { return Ok(min_bytes.saturating_mul(4)) };
    match value.parse() {
        Ok(bytes) if bytes >= min_bytes => Ok(bytes),
        _ => Err(variable.error(&format!("a number from {min_bytes} up, which one sealed body can have"))),
    }
}

/// Seconds: a client on a bad line reads some bytes now and then.
const WRITE_TIMEOUT: usize = 30;
