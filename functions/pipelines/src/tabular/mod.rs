//! Pipelines that read tables: `tabular-classification` and `tabular-regression`, for exports of scikit-learn, `LightGBM` and `XGBoost`.
//!
//! An input is a row: an object of cells by column name. Columns are the inputs of the network, or named by `columns.json`
//! ([`ColumnsFile`]). Every column has to be given; a missing value is null:
//!
//! | column | cell | null |
//! | --- | --- | --- |
//! | FP16, FP32, FP64 | number | NaN, which the imputers of converters take for missing |
//! | BYTES | string | what `missing` of `columns.json` says, by default an empty string: the `missing_values` of the imputer |
//! | integers | integer | refused |
//! | BOOL | true or false | refused |
//!
//! A classifier answers with the label that the network chose and the scores of all classes. The pipeline says whether these are
//! probabilities, and never applies a softmax: the network's own values are the answer.

mod class_names;
mod classifier;
mod columns;
mod columns_file;
mod example;
mod output;
mod regressor;
mod run;
mod scores;
mod table;
mod values;

pub use self::class_names::ClassNames;
pub use self::classifier::TabularClassifier;
pub use self::columns::TableColumns;
pub use self::columns_file::{ColumnNames, ColumnsFile, MissingText};
pub use self::regressor::TabularRegressor;
pub use self::run::TableRuns;
pub use self::scores::ClassifierOutputs;
pub use self::table::Table;
pub use self::values::RegressorOutput;
