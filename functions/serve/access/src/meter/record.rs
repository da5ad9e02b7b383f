//! The record of one call.

use amaas_wire::predict::Usage;
use serde::{Deserialize, Serialize};

use super::Day;
use crate::key::{KeyId, Routes};
use crate::money::Money;
use crate::tenant::TenantName;

/// What is kept of a call that was answered, or whose caller went away while it was worked at: whose it was and what it is counted as, and nothing of what was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Names the call: made of tenant and idempotency key, so that a call that had to run again is counted once; drawn where there
    /// was no key.
    pub id: String,
    /// Whether it was made of an idempotency key.
    pub repeatable: bool,
    /// When it was answered, in milliseconds since 1970.
    pub time: u64,
    /// Whose call it was.
    pub tenant: TenantName,
    /// With which key; none where the caller has an identity of another kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The model that answered.
    pub model: String,
    /// Its version.
    pub version: String,
    /// By which route.
    pub route: Routes,
    /// Rows that went through the network.
    pub rows: u64,
    /// Tokens that did, where the model's task counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Milliseconds from the first byte read to the answer, loading of the model apart.
    pub billed_ms: u64,
    /// Milliseconds for which the model was loaded, with the first call that it answered in its process.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub init_ms: u64,
    /// Bytes of the request's content, and of the answer's.
    pub bytes_in: u64,
    /// Bytes of the answer's content.
    pub bytes_out: u64,
    /// Whether it was sealed.
    pub sealed: bool,
    /// What it cost.
    pub cost: Money,
    /// The id by which the caller knows the request.
    pub request: String,
}

impl Record {
    /// What it is charged by, as [`Usage::units`] has it.
    pub fn units(&self) -> u64 {
        let usage = Usage::new(self.rows, self.billed_ms);
        self.tokens.map_or(usage, |tokens| usage.with_tokens(tokens)).units()
    }

    /// The day on which it is kept.
    pub fn day(&self) -> Day {
        Day::at(self.time)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
fn is_zero(number: &u64) -> bool {
    *number == 0
}
