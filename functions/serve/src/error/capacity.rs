//! The function is at capacity, or shutting down.

use std::time::Duration;

use amaas_wire::classify;

/// Why a call cannot begin now.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum CapacityError {
    /// The tenant has as many calls in preparation as it may have.
    #[error("the tenant's calls that are being read come to {limit} already")]
    TenantBusy { limit: String },
    /// The model or the process has as many calls in preparation as it may have.
    #[error("calls of all tenants that {what} is reading come to {limit} already")]
    Busy { what: &'static str, limit: String },
    /// The function is shutting down.
    #[error("the function is stopping")]
    Draining,
}

classify! { CapacityError {
    Self::TenantBusy { .. } => 429, "tenant-busy", "too many calls of the tenant at once", retry = RETRY_AFTER;
    Self::Busy { .. } => 503, "busy", "too many calls at once", retry = RETRY_AFTER;
    Self::Draining => 503, "draining", "stopping", retry = RETRY_AFTER;
} }

const RETRY_AFTER: Duration = Duration::from_secs(1);
