//! `GET /v1/usage`: what a tenant's calls were counted as.
//!
//! The query has `since` and `until`, days such as `2026-11-01` in UTC, both of them included (this month up to today, where they are
//! not given), and `by`, which is `model` (where it is not given), `version` or `key`.

use serde::{Deserialize, Serialize};

/// The usage of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageReport {
    /// Whose calls they were.
    pub tenant: String,
    /// The first day, such as `2026-11-01`, in UTC.
    pub since: String,
    /// The last day.
    pub until: String,
    /// What the rows are told apart by.
    pub by: UsageBy,
    /// A row for each model, version or key that was used, by name.
    pub data: Vec<UsageRow>,
    /// All of them together.
    pub total: UsageSum,
}

/// What rows are told apart by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum UsageBy {
    /// The model.
    #[default]
    Model,
    /// The model and its version.
    Version,
    /// The API key.
    Key,
}

impl UsageBy {
    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Version => "version",
            Self::Key => "key",
        }
    }
}

/// The usage of one model, version or key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageRow {
    /// The model, where rows are of models or versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version, where rows are of versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of the key, where rows are of keys; not there for callers who have an identity of another kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What its calls come to.
    #[serde(flatten)]
    pub sum: UsageSum,
    /// Calls and units of each day on which there were any.
    pub days: Vec<UsageDay>,
}

/// What some calls come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageSum {
    /// Calls that were answered.
    pub calls: u64,
    /// Of them, those that came sealed.
    pub sealed: u64,
    /// Rows that went through networks.
    pub rows: u64,
    /// Tokens that did, where tasks count them.
    pub tokens: u64,
    /// What limits and prices count: a call's tokens, or its rows where tokens are not counted.
    pub units: u64,
    /// Milliseconds from the first byte read to the answer, loading of the model apart.
    pub billed_ms: u64,
    /// Milliseconds for which models were loaded.
    pub init_ms: u64,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of answers.
    pub bytes_out: u64,
    /// What they cost, in billionths of the currency in which prices are set.
    pub cost_nanos: u64,
}

/// One day of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageDay {
    /// The day, such as `2026-11-01`.
    pub day: String,
    /// Calls that were answered.
    pub calls: u64,
    /// Their units.
    pub units: u64,
}

impl UsageSum {
    /// Adds `other`; a sum that is too large for a number stays the largest one.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.calls, other.calls),
            (&mut self.sealed, other.sealed),
            (&mut self.rows, other.rows),
            (&mut self.tokens, other.tokens),
            (&mut self.units, other.units),
            (&mut self.billed_ms, other.billed_ms),
            (&mut self.init_ms, other.init_ms),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
            (&mut self.cost_nanos, other.cost_nanos),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}
