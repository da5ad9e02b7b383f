//! The query for usage.

use amaas_wire::usage::UsageBy;
use reqwest::Url;

/// The days and the grouping of a [`Client::usage`](crate::Client::usage). The default is by model, for this month up to today.
///
/// ```
/// use amaas::{UsageBy, UsageQuery};
///
/// let november = UsageQuery::default().since("2026-11-01").until("2026-11-30").by(UsageBy::Key);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    since: Option<String>,
    until: Option<String>,
    by: UsageBy,
}

impl UsageQuery {
    /// The first day, such as `2026-11-01`, in UTC, in place of the first of the last day's month.
    #[must_use]
    pub fn since(mut self, day: impl Into<String>) -> Self {
        self.since = Some(day.into());
        self
    }

    /// The last day, which is included, in place of today.
    #[must_use]
    pub fn until(mut self, day: impl Into<String>) -> Self {
        self.until = Some(day.into());
        self
    }

    /// What rows are grouped by.
    #[must_use]
    pub fn by(mut self, by: UsageBy) -> Self {
        self.by = by;
        self
    }

    /// Adds the query to `url`.
    pub(crate) fn on(&self, mut url: Url) -> Url {
        let days = [("since", &self.since), ("until", &self.until)];
        let days = days.into_iter().filter_map(|(name, day)| Some((name, day.as_deref()?)));
        url.query_pairs_mut().append_pair("by", self.by.name()).extend_pairs(days);
        url
    }
}
