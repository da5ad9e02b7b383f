//! Limits of a tenant: requests or units, per minute or per month.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use amaas_store::ModelName;

/// A limit of a tenant: at most so many requests or units per minute or month, to one model or to all models together.
///
/// ```
/// use amaas_access::{LimitDimension, Limit, LimitPeriod};
///
/// let limit: Limit = "sentiment:units/minute=90000".parse()?;
/// assert_eq!((limit.dimension, limit.period, limit.most), (LimitDimension::Units, LimitPeriod::Minute, 90_000));
/// assert_eq!(limit.to_string(), "sentiment:units/minute=90000");
/// assert!("units/hour=1".parse::<Limit>().is_err());
/// # Ok::<(), amaas_access::LimitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The model; all models together if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// The dimension that is counted.
    #[serde(rename = "of")]
    pub dimension: LimitDimension,
    /// Per minute or per month.
    #[serde(rename = "per")]
    pub period: LimitPeriod,
    /// The largest number.
    pub most: u64,
}

/// The dimension of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitDimension {
    /// Calls.
    Requests,
    /// Tokens if the model's task counts them, else rows; an image is a row.
    Units,
}

/// The period of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitPeriod {
    /// A token bucket that holds a minute's worth and refills evenly.
    Minute,
    /// A calendar month (UTC).
    Month,
}

impl Limit {
    /// Whether it applies to calls to `model`.
    pub fn holds_for(&self, model: &ModelName) -> bool {
        self.model.as_ref().is_none_or(|named| named == model)
    }

    /// Whether `other` limits the same, with another number.
    pub fn replaces(&self, other: &Self) -> bool {
        (&self.model, self.dimension, self.period) == (&other.model, other.dimension, other.period)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(model) = &self.model {
            write!(f, "{model}:")?;
        }
        write!(f, "{}/{}={}", self.dimension.name(), self.period.name(), self.most)
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (name, most) = text.split_once('=').ok_or(LimitError)?;
        let (model, name) = name.split_once(':').map_or((None, name), |(model, name)| (Some(model), name));
        let (dimension, period) = name.split_once('/').ok_or(LimitError)?;
        let dimension =
            [LimitDimension::Requests, LimitDimension::Units].into_iter().find(|one| one.name() == dimension);
        let period = [LimitPeriod::Minute, LimitPeriod::Month].into_iter().find(|one| one.name() == period);
        let model = model.map(str::parse).transpose().map_err(|_| LimitError)?;
        let most = most.parse().ok().filter(|most| *most <= MAX_LIMIT);
        match (dimension, period, most) {
            (Some(dimension), Some(period), Some(most)) => Ok(Self { model, dimension, period, most }),
            _ => Err(LimitError),
        }
    }
}

impl LimitDimension {
    /// Its name in a limit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Units => "units",
        }
    }
}

impl LimitPeriod {
    /// Its name in a limit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Month => "month",
        }
    }
}

/// The text is not a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected [MODEL:]requests|units/minute|month=NUMBER, such as requests/minute=600, with a number of at most {MAX_LIMIT}"
)]
pub struct LimitError;

/// Bounds a limit, so that its clock in the ledger fits an `i64`.
const MAX_LIMIT: u64 = 10_000_000_000;
