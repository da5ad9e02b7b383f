//! The usage record of one call.

use amaas_wire::predict::Usage;
use serde::{Deserialize, Serialize};

use super::UtcDay;
use crate::key::{KeyId, RouteScope};
use crate::money::Money;
use crate::tenant::TenantName;

/// The usage of a call that was answered, or whose client hung up while it ran. It contains no payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The call's id: derived from tenant and idempotency key, so that a call that ran again counts once; random without a key.
    pub id: String,
    /// Whether the id is derived from an idempotency key.
    pub repeatable: bool,
    /// When it was answered, in milliseconds since 1970.
    pub time: u64,
    /// The tenant.
    pub tenant: TenantName,
    /// The API key; `None` for a caller with another kind of identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The model that answered.
    pub model: String,
    /// Its version.
    pub version: String,
    /// The route.
    pub route: RouteScope,
    /// Rows of the network's runs.
    pub rows: u64,
    /// Tokens, if the model's task counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Milliseconds from the first byte read to the response, without loading the model.
    pub billed_ms: u64,
    /// Milliseconds of loading the model, in the record of the first call that it answered in its process.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub init_ms: u64,
    /// Bytes of the request's content.
    pub bytes_in: u64,
    /// Bytes of the response's content.
    pub bytes_out: u64,
    /// Whether the call was sealed.
    pub sealed: bool,
    /// The cost.
    pub cost: Money,
    /// The request id, which the client knows.
    pub request: String,
}

impl UsageRecord {
    /// The charged units, as [`Usage::units`].
    pub fn units(&self) -> u64 {
        let usage = Usage::new(self.rows, self.billed_ms);
        self.tokens.map_or(usage, |tokens| usage.with_tokens(tokens)).units()
    }

    /// The day that it counts for.
    pub fn day(&self) -> UtcDay {
        UtcDay::at(self.time)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
fn is_zero(number: &u64) -> bool {
    *number == 0
}
