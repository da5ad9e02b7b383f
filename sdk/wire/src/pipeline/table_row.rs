//! Rows of tables, as inputs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// A row of a table: the input of tabular pipelines. In JSON it is an object of cells by column name, or a list of cells for a
/// network whose columns have no names.
///
/// ```
/// use amaas_wire::pipeline::{TableCell, TableRow};
///
/// let row = TableRow::new().with("age", 41).with("city", "Paris").with("income", TableCell::Missing);
/// let json = r#"{"age":41,"city":"Paris","income":null}"#;
/// assert_eq!(serde_json::to_string(&row)?, json);
/// assert_eq!(serde_json::from_str::<TableRow>(json)?, row);
/// assert_eq!(serde_json::from_str::<TableRow>("[0.5,null]")?, TableRow::from_cells([Some(0.5), None]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TableRow {
    /// Cells by column name.
    Named(BTreeMap<String, TableCell>),
    /// Cells in the order of the network's columns.
    Listed(Vec<TableCell>),
}

impl TableRow {
    /// The most cells of a row.
    pub const MAX_CELLS: usize = 16_384;

    /// A row without cells, for [`with`](Self::with).
    pub fn new() -> Self {
        Self::Named(BTreeMap::new())
    }

    /// A row of these cells, in the order of the network's columns.
    pub fn from_cells(cells: impl IntoIterator<Item = impl Into<TableCell>>) -> Self {
        Self::Listed(cells.into_iter().map(Into::into).collect())
    }

    /// Sets the cell of `column`. A row of cells without names becomes one with names, and loses them.
    #[must_use]
    pub fn with(self, column: impl Into<String>, cell: impl Into<TableCell>) -> Self {
        let mut cells = match self {
            Self::Named(cells) => cells,
            Self::Listed(_) => BTreeMap::new(),
        };
        cells.insert(column.into(), cell.into());
        Self::Named(cells)
    }
}

impl Default for TableRow {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Into<String>, C: Into<TableCell>> FromIterator<(N, C)> for TableRow {
    fn from_iter<I: IntoIterator<Item = (N, C)>>(cells: I) -> Self {
        Self::Named(cells.into_iter().map(|(name, cell)| (name.into(), cell.into())).collect())
    }
}

/// A cell of a [`TableRow`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TableCell {
    /// A missing value: `null`.
    Missing,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A number that is no integer, or beyond 64 bits.
    Number(f64),
    /// A string.
    Text(String),
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for TableCell {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from!(bool => Bool, i32 => Integer, u32 => Integer, i64 => Integer, f32 => Number, f64 => Number, &str => Text, String => Text);

impl<T: Into<Self>> From<Option<T>> for TableCell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl Serialize for TableRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(cells) => cells.serialize(serializer),
            Self::Listed(cells) => cells.serialize(serializer),
        }
    }
}

impl Serialize for TableCell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Missing => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

impl<'de> Deserialize<'de> for TableRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = TableRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of cells by column name, or a list of cells")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TableRow, A::Error> {
        let mut cells = BTreeMap::new();
        while let Some(column) = map.next_key::<String>()? {
            if cells.len() == TableRow::MAX_CELLS {
                return Err(too_many());
            }
            match cells.entry(column) {
                Entry::Vacant(place) => drop(place.insert(map.next_value()?)),
                Entry::Occupied(place) => {
                    let name: String = place.key().chars().take(MAX_SHOWN_NAME).collect();
                    return Err(A::Error::custom(format_args!("column {name:?} is given twice")));
                }
            }
        }
        Ok(TableRow::Named(cells))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TableRow, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element()? {
            if cells.len() == TableRow::MAX_CELLS {
                return Err(too_many());
            }
            cells.push(cell);
        }
        Ok(TableRow::Listed(cells))
    }
}

impl<'de> Deserialize<'de> for TableCell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl Visitor<'_> for CellVisitor {
    type Value = TableCell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string, a boolean or null")
    }

    fn visit_unit<E: Error>(self) -> Result<TableCell, E> {
        Ok(TableCell::Missing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<TableCell, E> {
        Ok(TableCell::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<TableCell, E> {
        Ok(TableCell::Integer(value))
    }

    #[allow(clippy::cast_precision_loss)] // a number beyond 64 bits with a sign is no integer of any network
    fn visit_u64<E: Error>(self, value: u64) -> Result<TableCell, E> {
        Ok(i64::try_from(value).map_or(TableCell::Number(value as f64), TableCell::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<TableCell, E> {
        Ok(TableCell::Number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<TableCell, E> {
        Ok(TableCell::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<TableCell, E> {
        Ok(TableCell::Text(value))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TableRow {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TableRow".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let cell = schemars::json_schema!({ "type": ["number", "string", "boolean", "null"] });
        let most = TableRow::MAX_CELLS;
        schemars::json_schema!({
            "description": "A row of a table: an object of cells by column name, or a list of cells for a network whose columns have no names. \
                A missing value is null.",
            "anyOf": [
                { "type": "object", "additionalProperties": cell, "maxProperties": most },
                { "type": "array", "items": cell, "maxItems": most },
            ],
        })
    }
}

fn too_many<E: Error>() -> E {
    E::custom(format_args!("expected at most {} cells", TableRow::MAX_CELLS))
}

/// Letters of a column's name that an error shows.
const MAX_SHOWN_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_objects_or_lists_of_cells() {
        let row = |json: &str| serde_json::from_str::<TableRow>(json).map_err(|error| error.to_string());
        let cells = [
            ("a", TableCell::Integer(-1)),
            ("b", TableCell::Number(1.844_674_407_370_955_2e19)),
            ("c", TableCell::Number(0.5)),
            ("d", TableCell::Bool(true)),
            ("e", TableCell::Text("é".to_owned())),
            ("f", TableCell::Missing),
        ];
        let json = r#"{"a":-1,"b":18446744073709551615,"c":0.5,"d":true,"e":"\u00e9","f":null}"#;
        assert_eq!(row(json), Ok(cells.clone().into_iter().collect()));
        assert_eq!(row("[1,null]"), Ok(TableRow::from_cells([Some(1), None])));
        assert_eq!(TableRow::from_cells([1]).with("a", 2), [("a", 2)].into_iter().collect());
        for (json, expected) in [
            (r#"{"a":1,"b":2,"a":3}"#, "column \"a\" is given twice"),
            (r#"{"a":[1]}"#, "invalid type: sequence, expected a number, a string, a boolean or null"),
            ("7", "invalid type: integer `7`, expected an object of cells by column name, or a list of cells"),
        ] {
            let error = row(json).expect_err(json);
            assert!(error.contains(expected), "{error}");
        }
        let many = |cells: usize| format!("[{}]", vec!["0"; cells].join(","));
        assert!(row(&many(TableRow::MAX_CELLS)).is_ok());
        let error = row(&many(TableRow::MAX_CELLS + 1)).expect_err("one too many");
        assert!(error.contains("expected at most 16384 cells"), "{error}");
        let named: Vec<_> = (0..=TableRow::MAX_CELLS).map(|index| format!("\"{index}\":0")).collect();
        assert!(row(&format!("{{{}}}", named.join(","))).is_err());
    }
}
