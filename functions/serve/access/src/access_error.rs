//! Why a caller is refused.

use std::time::Duration;

use amaas_wire::MalformedKey;
use amaas_wire::classify;

/// Why a caller is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum AccessError {
    /// No key was sent.
    #[error("no API key: send it as \"Authorization: Bearer amaas_…\" or \"x-api-key: amaas_…\"")]
    KeyMissing,
    /// The key has not the form of one.
    #[error("malformed API key: {0}")]
    KeyMalformed(#[from] MalformedKey),
    /// There is no such key.
    #[error("unknown API key: it was never made here, or was revoked long ago")]
    KeyUnknown,
    /// The key has expired.
    #[error("the API key has expired")]
    KeyExpired,
    /// The key was revoked.
    #[error("the API key was revoked")]
    KeyRevoked,
    /// The key's scope does not include the model.
    #[error("the API key may not use model {model:?}")]
    KeyScope { model: String },
    /// The key's scope does not include the routes.
    #[error("the API key may not use the {routes} routes")]
    KeyRoutes { routes: &'static str },
    /// The caller is authenticated, and no tenant has its name.
    #[error("there is no tenant {tenant:?} here")]
    TenantUnknown { tenant: String },
    /// The tenant is suspended.
    #[error("calls of tenant {tenant:?} are suspended")]
    TenantSuspended { tenant: String },
    /// The ledger cannot be read, and the key is not cached.
    #[error("API keys cannot be checked at the moment")]
    KeysUnavailable { internal: String },
}

classify! { AccessError {
    Self::KeyMissing => 401, "key-missing", "no API key";
    Self::KeyMalformed(_) => 401, "key-malformed", "malformed API key";
    Self::KeyUnknown => 401, "key-unknown", "unknown API key";
    Self::KeyExpired => 401, "key-expired", "expired API key";
    Self::KeyRevoked => 401, "key-revoked", "revoked API key";
    Self::KeyScope { .. } => 403, "key-scope", "out of the key's scope", param = "model";
    Self::KeyRoutes { .. } => 403, "key-routes", "out of the key's scope";
    Self::TenantUnknown { .. } => 403, "tenant-unknown", "unknown tenant";
    Self::TenantSuspended { .. } => 403, "tenant-suspended", "suspended tenant";
    Self::KeysUnavailable { internal } => 503, "keys-unavailable", "keys unavailable",
        retry = Duration::from_secs(2), log = internal;
} }
