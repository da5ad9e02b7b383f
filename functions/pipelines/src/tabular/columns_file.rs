//! `columns.json`: what a publisher says of a table that its network does not say itself.

use std::collections::BTreeMap;

use amaas_model::task::{Assets, TaskError};
use amaas_wire::pipeline::{TabularLabel, TabularScoreType};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The file `columns.json` of an export. Every member is optional, and so is the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsFile {
    /// The names of the columns of inputs `[N, F]`.
    pub columns: Option<ColumnNames>,
    /// What a missing string is replaced by; an empty string by default.
    pub missing: Option<MissingText>,
    /// The classes, in the order of the network's scores.
    pub classes: Option<Vec<TabularLabel>>,
    /// What the network's scores are.
    pub scores: Option<TabularScoreType>,
    /// A row, for trials of the network and for its documentation.
    pub example: Option<Box<RawValue>>,
}

/// The names of the columns of inputs that have several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ColumnNames {
    /// Those of the only such input.
    One(Vec<String>),
    /// By input.
    ByInput(BTreeMap<String, Vec<String>>),
}

/// What a missing string is replaced by, which is what the network's imputer takes for missing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum MissingText {
    /// The same in all columns.
    All(String),
    /// By column.
    ByColumn(BTreeMap<String, String>),
}

impl ColumnsFile {
    /// The name of the file.
    pub const NAME: &'static str = "columns.json";

    /// Reads the file; without members if it was not published.
    ///
    /// # Errors
    /// If it is not JSON of this form.
    pub fn read(assets: &Assets) -> Result<Self, TaskError> {
        assets.bytes(Self::NAME).map_or_else(|_| Ok(Self::default()), |bytes| Self::parse(bytes))
    }

    /// Parses the bytes of the file.
    ///
    /// ```
    /// use amaas_pipelines::tabular::{ColumnNames, ColumnsFile};
    ///
    /// let file = ColumnsFile::parse(br#"{"columns":["age","income"],"classes":[0,1]}"#)?;
    /// assert_eq!(file.columns, Some(ColumnNames::One(vec!["age".to_owned(), "income".to_owned()])));
    /// # Ok::<(), amaas_model::task::TaskError>(())
    /// ```
    ///
    /// # Errors
    /// If they are not JSON of this form.
    pub fn parse(bytes: &[u8]) -> Result<Self, TaskError> {
        serde_json::from_slice(bytes).map_err(|error| TaskError::new(format!("{}: {error}", Self::NAME)))
    }
}

impl MissingText {
    /// What a missing string in `column` is replaced by.
    pub fn of_column(&self, column: &str) -> Option<&str> {
        match self {
            Self::All(text) => Some(text),
            Self::ByColumn(texts) => texts.get(column).map(String::as_str),
        }
    }
}
