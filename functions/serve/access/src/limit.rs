//! How much a tenant may call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use amaas_store::ModelName;

/// A limit of a tenant: at most so many requests or units in a minute or a month, to one model or to all together.
///
/// ```
/// use amaas_access::{Limit, Of, Per};
///
/// let limit: Limit = "sentiment:units/minute=90000".parse()?;
/// assert_eq!((limit.of, limit.per, limit.most), (Of::Units, Per::Minute, 90_000));
/// assert_eq!(limit.to_string(), "sentiment:units/minute=90000");
/// assert!("units/hour=1".parse::<Limit>().is_err());
/// # Ok::<(), amaas_access::LimitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The model; all together where not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// What is counted.
    pub of: Of,
    /// In which time.
    pub per: Per,
    /// The most that there may be.
    pub most: u64,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// Calls.
    Requests,
    /// Tokens where the model's task counts them, else rows; an image is a row.
    Units,
}

/// The time of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// A bucket that holds a minute's worth and is filled evenly.
    Minute,
    /// A month of the calendar, UTC.
    Month,
}

impl Limit {
    /// Whether it is about calls to `model`.
    pub fn holds_for(&self, model: &ModelName) -> bool {
        self.model.as_ref().is_none_or(|named| named == model)
    }

    /// Whether `other` says something else of the same.
    pub fn replaces(&self, other: &Self) -> bool {
        (&self.model, self.of, self.per) == (&other.model, other.of, other.per)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(model) = &self.model {
            write!(f, "{model}:")?;
        }
        write!(f, "{}/{}={}", self.of.name(), self.per.name(), self.most)
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (name, most) = text.split_once('=').ok_or(LimitError)?;
        let (model, name) = name.split_once(':').map_or((None, name), |(model, name)| (Some(model), name));
        let (of, per) = name.split_once('/').ok_or(LimitError)?;
        let of = [Of::Requests, Of::Units].into_iter().find(|one| one.name() == of);
        let per = [Per::Minute, Per::Month].into_iter().find(|one| one.name() == per);
        let model = model.map(str::parse).transpose().map_err(|_| LimitError)?;
        let most = most.parse().ok().filter(|most| *most <= MOST);
        match (of, per, most) {
            (Some(of), Some(per), Some(most)) => Ok(Self { model, of, per, most }),
            _ => Err(LimitError),
        }
    }
}

impl Of {
    /// Its name in a limit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Units => "units",
        }
    }
}

impl Per {
    /// Its name in a limit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Month => "month",
        }
    }
}

/// Text that is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected [MODEL:]requests|units/minute|month=NUMBER, such as requests/minute=600, with a number of at most {MOST}"
)]
pub struct LimitError;

/// What a counter that runs with the clock can hold.
const MOST: u64 = 10_000_000_000;
