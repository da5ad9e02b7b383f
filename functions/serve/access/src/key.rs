//! Records of API keys, and their scopes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use amaas_wire::ApiKey;
use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::tenant::TenantName;
use amaas_store::ModelName;
use amaas_wire::Digest;

/// The stored record of a key. The key itself is not stored; it is shown once, on creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Identifies the key in logs and lists.
    pub id: KeyId,
    /// HMAC-SHA256 of the key, under the ledger's pepper. The key has 178 random bits, so it cannot be searched for.
    pub digest: Digest,
    /// The name that the operator gave it. A tenant has at most two live keys of one name: one in use, and its successor.
    pub name: String,
    /// The tenant.
    pub tenant: TenantName,
    /// When it was created, in seconds since 1970 (UTC).
    pub created: u64,
    /// When it expires, in seconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// When it was revoked, in seconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
    /// Its permissions.
    #[serde(default)]
    pub scope: KeyScope,
}

impl KeyRecord {
    /// Whether it is neither revoked nor expired at `now`, in seconds since 1970.
    pub fn is_live(&self, now: u64) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| expires > now)
    }
}

/// The permissions of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyScope {
    /// The models that it may use; all models if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<BTreeSet<ModelName>>,
    /// The routes that it may use; all routes if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<BTreeSet<RouteScope>>,
    /// The budget of its calls in a calendar month (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Money>,
}

impl KeyScope {
    /// Whether `model` may be used.
    pub fn has_model(&self, model: &ModelName) -> bool {
        self.models.as_ref().is_none_or(|models| models.contains(model))
    }

    /// Whether `routes` may be used.
    pub fn has_routes(&self, routes: RouteScope) -> bool {
        self.routes.as_ref().is_none_or(|all| all.contains(&routes))
    }
}

/// A group of routes that a key can be restricted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteScope {
    /// `/v1/models/{model}/predict`.
    Predict,
    /// `/v2/models/{model}/infer`, and the same over gRPC.
    Infer,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/rerank` and `/v2/rerank`.
    Rerank,
    /// `/v1/completions`.
    Completions,
    /// Routes that describe models and run none: lists, metadata, configuration, statistics.
    Models,
    /// `/v1/usage`.
    Usage,
}

impl RouteScope {
    /// All groups.
    pub const ALL: [Self; 7] =
        [Self::Predict, Self::Infer, Self::Embeddings, Self::Rerank, Self::Completions, Self::Models, Self::Usage];

    /// The group of the route with this path template.
    pub fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("predict") => Self::Predict,
            Some("infer") => Self::Infer,
            Some("embeddings") => Self::Embeddings,
            Some("rerank") => Self::Rerank,
            Some("completions") => Self::Completions,
            Some("usage") => Self::Usage,
            _ => Self::Models,
        }
    }

    /// The name in a scope.
    pub fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Infer => "infer",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Completions => "completions",
            Self::Models => "models",
            Self::Usage => "usage",
        }
    }
}

impl FromStr for RouteScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|routes| routes.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl fmt::Display for RouteScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Identifies a key: the first digits of its SHA-256. The id is computed from a key, and the key cannot be found from its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(String);

impl KeyId {
    /// The id of `key`.
    pub fn of(key: &ApiKey) -> Self {
        Self(Digest::of(key.expose().as_bytes()).to_string()[..ID_DIGITS].to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = text.len() == ID_DIGITS && text.bytes().all(digit);
        if fits { Ok(Self(text.to_owned())) } else { Err(KeyIdError) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not the id of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of a key, {ID_DIGITS} hexadecimal digits, as `amaas keys list` shows it")]
pub struct KeyIdError;

const ID_DIGITS: usize = 12;
