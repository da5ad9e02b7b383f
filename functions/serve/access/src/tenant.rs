//! Tenants: the parties that are billed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limit::Limit;
use crate::money::Money;

/// The name of a tenant: 1 to 256 visible ASCII characters, so that an ARN or a subject of an issuer can be one.
///
/// ```
/// use amaas_access::TenantName;
///
/// let tenant: TenantName = "acme".parse()?;
/// assert_eq!(tenant.as_str(), "acme");
/// assert!("two words".parse::<TenantName>().is_err());
/// # Ok::<(), amaas_access::TenantNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TenantName(String);

impl TenantName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TenantName {
    type Err = TenantNameError;

    fn from_str(text: &str) -> Result<Self, TenantNameError> {
        let fits = (1..=MAX_NAME_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(TenantNameError) }
    }
}

impl TryFrom<String> for TenantName {
    type Error = TenantNameError;

    fn try_from(text: String) -> Result<Self, TenantNameError> {
        text.parse()
    }
}

impl From<TenantName> for String {
    fn from(name: TenantName) -> Self {
        name.0
    }
}

/// The text is not a tenant's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name is 1 to {MAX_NAME_LEN} visible ASCII characters, without spaces")]
pub struct TenantNameError;

/// The stored record of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// When it was created, in seconds since 1970 (UTC).
    pub created: u64,
    /// Whether its calls are admitted.
    #[serde(default, rename = "standing")]
    pub status: TenantStatus,
    /// The budget of its calls in a calendar month (UTC); unlimited if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// Its limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

impl Tenant {
    /// An active tenant without limits.
    pub fn new(name: TenantName, created: u64) -> Self {
        Self { name, created, status: TenantStatus::Active, budget: None, limits: Vec::new() }
    }
}

/// Whether a tenant's calls are admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// Calls are admitted.
    #[default]
    Active,
    /// Calls are refused until an operator resumes the tenant; keys and usage stay.
    Suspended,
}

const MAX_NAME_LEN: usize = 256;
