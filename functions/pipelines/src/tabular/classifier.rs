//! `tabular-classification`: the class of each row.

use std::num::NonZeroUsize;
use std::sync::Arc;

use amaas_model::task::{ExampleCall, ModelCall, PredictError, Predictions, Task, TaskContext, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{TableRow, TabularClassification, TabularClassificationParameters};

use super::class_names::ClassNames;
use super::columns::TableColumns;
use super::columns_file::ColumnsFile;
use super::example::example_call;
use super::run::predict_rows;
use super::scores::ClassifierOutputs;
use crate::export::{ClassLabels, ConfigFile, PipelineSettings};

/// Classifies rows of a table.
pub struct TabularClassifier {
    columns: Arc<TableColumns>,
    outputs: ClassifierOutputs,
    example: ExampleCall,
}

impl Task for TabularClassifier {
    const NAME: &'static str = "tabular-classification";
    const EXAMPLE: &'static str = r#"{"city":"Paris","income":2450.5,"age":null}"#;
    const IS_PARTIAL: bool = true;
    type Input = TableRow;
    type Parameters = TabularClassificationParameters;
    type Prediction = TabularClassification;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let file = ColumnsFile::read(&context.assets)?;
        let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
        let of_config = ClassLabels::of(&config)?.map(|labels| labels.iter().map(str::to_owned).collect());
        let names = ClassNames { chosen: PipelineSettings::read(&context.assets)?.labels, of_config };
        let columns = TableColumns::load(&context.network, &file)?;
        let outputs = ClassifierOutputs::load(&context.network, &file, names)?;
        Ok(Self { example: example_call(&columns, &file)?, columns: Arc::new(columns), outputs })
    }

    fn example(&self) -> ExampleCall {
        self.example.clone()
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<TableRow>,
        parameters: TabularClassificationParameters,
    ) -> Result<Predictions<TabularClassification>, PredictError> {
        let columns = Arc::clone(&self.columns);
        let top_k = parameters.top_k.map(NonZeroUsize::get);
        let read = move |outputs: &[Tensor], rows| self.outputs.predictions(outputs, rows, top_k);
        predict_rows(call, columns, inputs, read).await
    }
}
