//! `tabular-regression`: a number for each row.

use std::sync::Arc;

use amaas_model::task::{ExampleCall, ModelCall, PredictError, Predictions, Task, TaskContext, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{TableRow, TabularRegression};
use amaas_wire::predict::NoParameters;

use super::columns::TableColumns;
use super::columns_file::ColumnsFile;
use super::example::example_call;
use super::run::predict_rows;
use super::values::RegressorOutput;

/// Predicts a number for rows of a table.
pub struct TabularRegressor {
    columns: Arc<TableColumns>,
    output: RegressorOutput,
    example: ExampleCall,
}

impl Task for TabularRegressor {
    const NAME: &'static str = "tabular-regression";
    const EXAMPLE: &'static str = r#"{"city":"Paris","rooms":3,"area":74.5}"#;
    const IS_PARTIAL: bool = true;
    type Input = TableRow;
    type Parameters = NoParameters;
    type Prediction = TabularRegression;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let file = ColumnsFile::read(&context.assets)?;
        let columns = TableColumns::load(&context.network, &file)?;
        let output = RegressorOutput::load(&context.network)?;
        Ok(Self { example: example_call(&columns, &file)?, columns: Arc::new(columns), output })
    }

    fn example(&self) -> ExampleCall {
        self.example.clone()
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<TableRow>,
        _: NoParameters,
    ) -> Result<Predictions<TabularRegression>, PredictError> {
        let columns = Arc::clone(&self.columns);
        let read = move |outputs: &[Tensor], rows| self.output.predictions(outputs, rows);
        predict_rows(call, columns, inputs, read).await
    }
}
