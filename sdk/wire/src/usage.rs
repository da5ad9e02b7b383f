//! `GET /v1/usage`: the usage of a tenant.
//!
//! The query has `since` and `until`, days such as `2026-11-01` in UTC, both included (by default this month up to today), and
//! `by`, which is `model` (the default), `version` or `key`.

use serde::{Deserialize, Serialize};

/// The usage of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageReport {
    /// The tenant.
    pub tenant: String,
    /// The first day, such as `2026-11-01`, in UTC.
    pub since: String,
    /// The last day.
    pub until: String,
    /// What the rows are grouped by.
    pub by: UsageBy,
    /// A row for each model, version or key that was used, by name.
    pub data: Vec<UsageRow>,
    /// The sum of all rows.
    pub total: UsageSum,
}

/// What rows are grouped by.
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
    /// The value in a query.
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
    /// The model, if rows are grouped by model or version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version, if rows are grouped by version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of the key, if rows are grouped by key; absent for callers with another kind of identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The sum of its calls.
    #[serde(flatten)]
    pub sum: UsageSum,
    /// Calls and units of each day on which there were any.
    pub days: Vec<UsageDay>,
}

/// The sum of some calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageSum {
    /// Answered calls.
    pub calls: u64,
    /// Answered calls that were sealed.
    pub sealed: u64,
    /// Rows that networks processed.
    pub rows: u64,
    /// Tokens that networks processed, if the tasks count tokens.
    pub tokens: u64,
    /// Units for limits and prices: the tokens of a call, or its rows if tokens are not counted.
    pub units: u64,
    /// Milliseconds from the first byte read to the answer, without loading the model.
    pub billed_ms: u64,
    /// Milliseconds of loading models.
    pub init_ms: u64,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of answers.
    pub bytes_out: u64,
    /// The cost, in billionths of the currency of the prices.
    pub cost_nanos: u64,
}

/// One day of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct UsageDay {
    /// The day, such as `2026-11-01`.
    pub day: String,
    /// Answered calls.
    pub calls: u64,
    /// Their units.
    pub units: u64,
}

impl UsageSum {
    /// Adds `other`; sums saturate.
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
