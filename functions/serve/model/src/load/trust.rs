//! The trust policy: which publishers' models a function loads.

use amaas_config::{ConfigError, Variable};
use amaas_wire::dsse::VerifyingKey;

/// The trusted publishers, and the lowest serial of a manifest.
#[derive(Clone, Debug, Default)]
pub struct TrustPolicy {
    /// `AMAAS_PUBLISHERS`: the public keys of the trusted publishers, as `amaas signer` shows them, separated by commas. A
    /// model that none of them signed is refused.
    pub publishers: Vec<VerifyingKey>,
    /// `AMAAS_LEAST_SERIAL`: a version whose manifest has a lower serial is refused, even if an alias points to it; 0 if not set.
    pub least_serial: u64,
}

impl TrustPolicy {
    /// Reads the policy from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| Variable::read(&variables, name);
        Ok(Self {
            publishers: publishers(variable("AMAAS_PUBLISHERS"))?,
            least_serial: variable("AMAAS_LEAST_SERIAL").or("a serial, as `amaas publish` shows it", 0)?,
        })
    }
}

fn publishers(variable: Variable) -> Result<Vec<VerifyingKey>, ConfigError> {
    let expected = "public keys as `amaas signer` shows them, with commas between";
    let keys = variable.clone().list(expected, |key| key.parse().ok())?;
    keys.ok_or_else(|| variable.error(expected))
}
