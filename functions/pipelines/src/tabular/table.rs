//! A table of rows, encoded as the inputs of a network.

use std::collections::{BTreeMap, BTreeSet};

use amaas_model::task::{InvalidInput, TaskError};
use amaas_wire::pipeline::{TableCell, TableRow};
use amaas_wire::{Datatype, Tensor, TensorData};
use half::f16;

use super::columns::{TableColumns, TableInput, is_float};

/// Rows that fit the columns of a network. A row that does not leaves no trace.
pub struct Table<'c> {
    columns: &'c TableColumns,
    values: Vec<ColumnValues>,
    rows: usize,
}

impl<'c> Table<'c> {
    /// A table without rows.
    pub fn new(columns: &'c TableColumns) -> Self {
        let values = columns.inputs.iter().map(|input| ColumnValues::new(input.datatype)).collect();
        Self { columns, values, rows: 0 }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds `row`.
    ///
    /// # Errors
    /// Names the column at fault: it is unknown, missing, or its cell does not fit.
    pub fn push(&mut self, row: &TableRow) -> Result<(), InvalidInput> {
        let pushed = self.cells(row).and_then(|cells| self.push_cells(&cells));
        match pushed {
            Ok(()) => self.rows += 1,
            Err(_) => {
                for (input, values) in self.columns.inputs.iter().zip(&mut self.values) {
                    values.truncate(self.rows * input.width());
                }
            }
        }
        pushed.map_err(InvalidInput::new)
    }

    /// The cells of `row` in the order of the columns.
    fn cells<'r>(&self, row: &'r TableRow) -> Result<Vec<&'r TableCell>, String> {
        let expected = self.columns.count();
        match (row, self.columns.names()) {
            (TableRow::Named(cells), Some(names)) => named_cells(cells, names),
            (TableRow::Listed(cells), None) if cells.len() == expected => Ok(cells.iter().collect()),
            (TableRow::Listed(cells), None) => Err(format!("expected {expected} cells, got {}", cells.len())),
            (TableRow::Named(_), None) => {
                Err(format!("expected a list of {expected} cells, because the columns have no names; got an object"))
            }
            _ => Err(format!("expected an object of {expected} cells by column name, got a list")),
        }
    }

    fn push_cells(&mut self, cells: &[&TableCell]) -> Result<(), String> {
        let mut place = 0;
        for (input, values) in self.columns.inputs.iter().zip(&mut self.values) {
            for (cell, missing) in cells[place..].iter().zip(&input.missing) {
                let pushed = values.push(cell, input.datatype, missing);
                pushed.map_err(|what| match self.columns.names() {
                    Some(names) => format!("column {:?}: {what}", shown(&names[place])),
                    None => format!("cell {place}: {what}"),
                })?;
                place += 1;
            }
        }
        Ok(())
    }

    /// The tensors of all rows: each `[rows]` or `[rows, columns]`.
    ///
    /// # Errors
    /// If a tensor cannot be made of them, which is a fault of this crate.
    pub fn into_tensors(self) -> Result<Vec<Tensor>, TaskError> {
        let tensor = |(input, values): (&TableInput, ColumnValues)| {
            let shape = std::iter::once(self.rows).chain(input.width).collect();
            Tensor::new(input.tensor.as_str(), shape, values.into_data(input.datatype)).map_err(TaskError::new)
        };
        self.columns.inputs.iter().zip(self.values).map(tensor).collect()
    }
}

/// The cells of a row in the order of `names`.
fn named_cells<'r>(cells: &'r BTreeMap<String, TableCell>, names: &[String]) -> Result<Vec<&'r TableCell>, String> {
    let found: Vec<_> = names.iter().filter_map(|name| cells.get(name)).collect();
    if found.len() == names.len() && cells.len() == names.len() {
        return Ok(found);
    }
    let known: BTreeSet<_> = names.iter().collect();
    if let Some(unknown) = cells.keys().find(|name| !known.contains(name)) {
        return Err(format!("unknown column {:?}; the model reads {}", shown(unknown), listed(names)));
    }
    let missing: Vec<_> = names.iter().filter(|name| !cells.contains_key(*name)).cloned().collect();
    let columns = if missing.len() == 1 { "column" } else { "columns" };
    Err(format!("{columns} {} not given; a missing value is null", listed(&missing)))
}

/// The values of an input, row by row.
enum ColumnValues {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
    Texts(Vec<String>),
}

impl ColumnValues {
    fn new(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Bytes => Self::Texts(Vec::new()),
            Datatype::Bool => Self::Booleans(Vec::new()),
            datatype if is_float(datatype) => Self::Floats(Vec::new()),
            _ => Self::Integers(Vec::new()),
        }
    }

    /// Adds the value of `cell`; `missing` replaces a missing string. The error has no value of the cell.
    fn push(&mut self, cell: &TableCell, datatype: Datatype, missing: &str) -> Result<(), String> {
        match (self, cell) {
            (Self::Floats(values), TableCell::Missing) => values.push(f64::NAN),
            (Self::Floats(values), TableCell::Number(value)) => values.push(in_range(*value, datatype)?),
            #[allow(clippy::cast_precision_loss)] // as every JSON reader does
            (Self::Floats(values), TableCell::Integer(value)) => values.push(in_range(*value as f64, datatype)?),
            (Self::Integers(values), cell) => values.push(integer(cell, datatype)?),
            (Self::Booleans(values), TableCell::Bool(value)) => values.push(*value),
            (Self::Texts(values), TableCell::Text(value)) => values.push(value.clone()),
            (Self::Texts(values), TableCell::Missing) => values.push(missing.to_owned()),
            (Self::Floats(_), cell) => return Err(format!("expected a number or null, got {}", kind(cell))),
            (Self::Booleans(_), cell) => return Err(format!("expected true or false, got {}", kind(cell))),
            (Self::Texts(_), cell) => return Err(format!("expected a string or null, got {}", kind(cell))),
        }
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        match self {
            Self::Floats(values) => values.truncate(len),
            Self::Integers(values) => values.truncate(len),
            Self::Booleans(values) => values.truncate(len),
            Self::Texts(values) => values.truncate(len),
        }
    }

    /// The values in `datatype`, which `push` has checked that they fit.
    fn into_data(self, datatype: Datatype) -> TensorData {
        #[allow(clippy::cast_possible_truncation)]
        let float = |value: f64| value as f32;
        match (self, datatype) {
            (Self::Floats(values), Datatype::Fp64) => values.into(),
            (Self::Floats(values), Datatype::Fp16) => values.into_iter().map(f16::from_f64).collect::<Vec<_>>().into(),
            (Self::Floats(values), _) => values.into_iter().map(float).collect::<Vec<_>>().into(),
            (Self::Booleans(values), _) => values.into(),
            (Self::Texts(values), _) => values.into(),
            (Self::Integers(values), datatype) => integers(values, datatype),
        }
    }
}

/// A number that `datatype` has room for.
fn in_range(value: f64, datatype: Datatype) -> Result<f64, String> {
    let largest = match datatype {
        Datatype::Fp16 => f64::from(f16::MAX),
        Datatype::Fp32 => f64::from(f32::MAX),
        _ => f64::MAX,
    };
    if value.abs() <= largest { Ok(value) } else { Err(format!("the number is too large for {datatype}")) }
}

fn integer(cell: &TableCell, datatype: Datatype) -> Result<i64, String> {
    let value = match cell {
        TableCell::Integer(value) => *value,
        // Writers such as pandas write integers of a column with missing values as 3.0.
        #[allow(clippy::cast_possible_truncation)]
        TableCell::Number(value) if value.fract() == 0.0 && value.abs() <= MAX_EXACT => *value as i64,
        TableCell::Number(_) => return Err(format!("expected an integer of {datatype}, got another number")),
        TableCell::Missing => return Err(format!("expected an integer, got null: {datatype} has no missing value")),
        cell => return Err(format!("expected an integer, got {}", kind(cell))),
    };
    let fits = match datatype {
        Datatype::Int8 => i8::try_from(value).is_ok(),
        Datatype::Int16 => i16::try_from(value).is_ok(),
        Datatype::Int32 => i32::try_from(value).is_ok(),
        Datatype::Uint8 => u8::try_from(value).is_ok(),
        Datatype::Uint16 => u16::try_from(value).is_ok(),
        Datatype::Uint32 => u32::try_from(value).is_ok(),
        Datatype::Uint64 => value >= 0,
        _ => true,
    };
    if fits { Ok(value) } else { Err(format!("the integer does not fit {datatype}")) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `integer` has checked the range
fn integers(values: Vec<i64>, datatype: Datatype) -> TensorData {
    macro_rules! cast {
        ($type:ty) => {
            values.into_iter().map(|value| value as $type).collect::<Vec<_>>().into()
        };
    }
    match datatype {
        Datatype::Int8 => cast!(i8),
        Datatype::Int16 => cast!(i16),
        Datatype::Int32 => cast!(i32),
        Datatype::Uint8 => cast!(u8),
        Datatype::Uint16 => cast!(u16),
        Datatype::Uint32 => cast!(u32),
        Datatype::Uint64 => cast!(u64),
        _ => values.into(),
    }
}

/// The JSON type of a cell.
fn kind(cell: &TableCell) -> &'static str {
    match cell {
        TableCell::Missing => "null",
        TableCell::Bool(_) => "a boolean",
        TableCell::Integer(_) | TableCell::Number(_) => "a number",
        TableCell::Text(_) => "a string",
        _ => "another value",
    }
}

/// The first letters of a column's name.
fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN_NAME).collect()
}

/// The first few of `names`, quoted.
fn listed(names: &[String]) -> String {
    let mut listed: Vec<_> = names.iter().take(MAX_SHOWN_NAMES).map(|name| format!("{:?}", shown(name))).collect();
    if let Some(more @ 1..) = names.len().checked_sub(MAX_SHOWN_NAMES) {
        listed.push(format!("and {more} more"));
    }
    listed.join(", ")
}

/// The largest integer up to which FP64 has every one.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
const MAX_SHOWN_NAME: usize = 64;
const MAX_SHOWN_NAMES: usize = 12;

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::NetworkInfo;

    use super::super::ColumnsFile;
    use super::*;

    fn columns(inputs: &[(&str, Datatype, usize)], file: &str) -> TableColumns {
        let spec = |(name, datatype, width): &(&str, Datatype, usize)| {
            TensorSpec::new(*name, *datatype, vec![Dim::Symbol(String::new()), Dim::Fixed(*width)])
        };
        let network = NetworkInfo { inputs: inputs.iter().map(spec).collect(), ..NetworkInfo::default() };
        TableColumns::load(&network, &ColumnsFile::parse(file.as_bytes()).expect("a file")).expect("columns")
    }

    fn row(json: &str) -> TableRow {
        serde_json::from_str(json).expect(json)
    }

    fn mixed() -> TableColumns {
        let inputs = [
            ("city", Datatype::Bytes, 1),
            ("age", Datatype::Int32, 1),
            ("member", Datatype::Bool, 1),
            ("income", Datatype::Fp32, 1),
        ];
        columns(&inputs, r#"{"missing":{"city":"?"}}"#)
    }

    #[test]
    fn rows_become_tensors_and_refused_rows_leave_no_trace() {
        let columns = mixed();
        let mut table = Table::new(&columns);
        table.push(&row(r#"{"city":"Köln","age":41,"member":true,"income":1.5}"#)).expect("fits");
        table.push(&row(r#"{"city":"Bonn","age":1,"member":true,"income":"x"}"#)).expect_err("the last cell");
        table.push(&row(r#"{"income":null,"city":null,"age":-3.0,"member":false}"#)).expect("fits");
        assert_eq!(table.rows(), 2);
        let tensors = table.into_tensors().expect("tensors");
        assert!(tensors.iter().all(|tensor| tensor.shape() == [2, 1]), "{tensors:?}");
        assert_eq!(*tensors[0].data(), vec!["Köln".to_owned(), "?".to_owned()].into());
        assert_eq!(*tensors[1].data(), vec![41_i32, -3].into());
        assert_eq!(*tensors[2].data(), vec![true, false].into());
        let income = tensors[3].data().as_f32().expect("FP32");
        assert!((income[0] - 1.5).abs() < f32::EPSILON && income[1].is_nan(), "{income:?}");
    }

    #[test]
    fn a_row_that_does_not_fit_is_named() {
        let (mixed, matrix) = (mixed(), columns(&[("X", Datatype::Fp16, 2)], "{}"));
        let long = "n".repeat(300);
        let cells = r#""member":true,"income":1"#;
        for (columns, json, expected) in [
            (&mixed, r#"{"city":"a"}"#, "columns \"age\", \"member\", \"income\" not given; a missing value is null"),
            (&mixed, &format!(r#"{{"city":"a",{cells}}}"#), "column \"age\" not given; a missing value is null"),
            (
                &mixed,
                &format!(r#"{{"city":"a","age":1,{cells},"zip":2}}"#),
                "unknown column \"zip\"; the model reads \"city\", \"age\", \"member\", \"income\"",
            ),
            (&mixed, &format!(r#"{{"city":"a","{long}":1,{cells}}}"#), &format!("unknown column {:?};", &long[..64])),
            (
                &mixed,
                &format!(r#"{{"city":7,"age":1,{cells}}}"#),
                "column \"city\": expected a string or null, got a number",
            ),
            (
                &mixed,
                &format!(r#"{{"city":"a","age":null,{cells}}}"#),
                "column \"age\": expected an integer, got null: INT32 has no missing value",
            ),
            (
                &mixed,
                &format!(r#"{{"city":"a","age":1.5,{cells}}}"#),
                "column \"age\": expected an integer of INT32, got another number",
            ),
            (
                &mixed,
                &format!(r#"{{"city":"a","age":3000000000,{cells}}}"#),
                "column \"age\": the integer does not fit INT32",
            ),
            (
                &mixed,
                r#"{"city":"a","age":1,"member":1,"income":1}"#,
                "column \"member\": expected true or false, got a number",
            ),
            (
                &mixed,
                r#"{"city":"a","age":1,"member":true,"income":true}"#,
                "column \"income\": expected a number or null, got a boolean",
            ),
            (
                &mixed,
                r#"{"city":"a","age":1,"member":true,"income":1e39}"#,
                "column \"income\": the number is too large for FP32",
            ),
            (&mixed, r#"["a",1,true,1]"#, "expected an object of 4 cells by column name, got a list"),
            (&matrix, "[1]", "expected 2 cells, got 1"),
            (&matrix, "[1,70000]", "cell 1: the number is too large for FP16"),
            (&matrix, r#"{"a":1}"#, "expected a list of 2 cells, because the columns have no names; got an object"),
        ] {
            let error = Table::new(columns).push(&row(json)).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
