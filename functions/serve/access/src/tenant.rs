//! Tenants: who is billed.

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
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
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

/// Text that names no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant's name is 1 to {LONGEST} visible ASCII characters, without spaces")]
pub struct TenantNameError;

/// What is kept of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// When it was made, in seconds since 1970 (UTC).
    pub created: u64,
    /// Whether its calls are taken.
    #[serde(default)]
    pub standing: Standing,
    /// What its calls may cost in a month of the calendar (UTC); no bound where not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// How much it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

impl Tenant {
    /// A tenant whose calls are taken without limits.
    pub fn new(name: TenantName, created: u64) -> Self {
        Self { name, created, standing: Standing::Active, budget: None, limits: Vec::new() }
    }
}

/// Whether a tenant's calls are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// They are.
    #[default]
    Active,
    /// They are refused until somebody changes that; keys and usage stay.
    Suspended,
}

const LONGEST: usize = 256;
