//! The call that is tried on a network.

use amaas_model::task::{ExampleCall, TaskError};
use amaas_wire::pipeline::TableRow;

use super::columns::TableColumns;
use super::columns_file::ColumnsFile;
use super::table::Table;

/// A call with the row of `file`, or one of zeros and short strings.
///
/// # Errors
/// If the row of `file` does not fit the columns.
pub(super) fn example_call(columns: &TableColumns, file: &ColumnsFile) -> Result<ExampleCall, TaskError> {
    let refused = |what: String| TaskError::new(format!("{}: example: {what}", ColumnsFile::NAME));
    let row: TableRow = match &file.example {
        Some(json) => serde_json::from_str(json.get()).map_err(|error| refused(error.to_string()))?,
        None => columns.example(),
    };
    Table::new(columns).push(&row).map_err(|error| refused(error.to_string()))?;
    Ok(ExampleCall::of_input(serde_json::to_string(&row).map_err(TaskError::new)?))
}

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::NetworkInfo;
    use amaas_wire::Datatype;

    use super::*;

    #[test]
    fn the_publishers_row_comes_first_and_has_to_fit() {
        let inputs = vec![TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol(String::new()), Dim::Fixed(1)])];
        let columns = TableColumns::load(&NetworkInfo { inputs, ..NetworkInfo::default() }, &ColumnsFile::default());
        let columns = columns.expect("a column");
        let call = |file: &str| {
            let call = example_call(&columns, &ColumnsFile::parse(file.as_bytes()).expect("a file"));
            call.map(|call| call.input().to_owned()).map_err(|error| error.to_string())
        };
        assert_eq!(call("{}").as_deref(), Ok(r#"{"x":0.0}"#));
        assert_eq!(call(r#"{"example":{"x":3}}"#).as_deref(), Ok(r#"{"x":3}"#));
        let error = call(r#"{"example":{"y":3}}"#).expect_err("another column");
        assert_eq!(error, "columns.json: example: unknown column \"y\"; the model reads \"x\"");
    }
}
