//! A network that classifies texts: tokens to one row of logits.

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{CpuWork, ModelCall, OutputLabels, TaskContext, TaskError};
use amaas_wire::pipeline::FunctionToApply;

use super::network::TextInputs;
use super::row::TextRow;
use super::row_outputs::RowOutputs;
use super::runs::run_rows;
use super::tokenizer::{TextTokenizer, Truncate};
use crate::export::{ClassLabels, ConfigFile, LogitsOutput};

/// A tokenizer and a network with an output of logits `[batch, classes]`.
#[derive(Debug)]
pub(super) struct TextClassifier {
    tokenizer: TextTokenizer,
    inputs: TextInputs,
    output: LogitsOutput,
    function: FunctionToApply,
}

impl TextClassifier {
    pub(super) fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let tokenizer = TextTokenizer::load(context)?;
        let inputs = TextInputs::of(&context.network.inputs, tokenizer.pad_id())?;
        let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
        let output = LogitsOutput::load(context, &config, &["batch", "classes"])?;
        let function = default_function(&config, output.labels.count())?;
        Ok(Self { tokenizer, inputs, output, function })
    }

    pub(super) fn labels(&self) -> &ClassLabels {
        &self.output.labels
    }

    /// The labels of the output of logits.
    pub(super) fn output_labels(&self) -> OutputLabels {
        OutputLabels {
            output: self.output.name.clone(),
            labels: self.output.labels.iter().map(str::to_owned).collect(),
        }
    }

    /// The function that the configuration of the model says.
    pub(super) fn function(&self) -> FunctionToApply {
        self.function
    }

    /// The row of a text or a pair of texts.
    pub(super) fn row(
        &self,
        working: &CpuPermit,
        texts: (&str, Option<&str>),
        truncate: Truncate,
    ) -> Result<ClassifierRow, PredictError> {
        let encoded = self.tokenizer.encode(working, texts, truncate)?;
        Ok(ClassifierRow { row: encoded.row(), is_cut: encoded.is_cut() })
    }

    /// Runs `rows`, and returns the outputs of each.
    pub(super) async fn run(&self, call: &ModelCall, rows: Vec<TextRow>) -> Result<Vec<RowOutputs>, PredictError> {
        run_rows(call, (call.networks().own(), &self.inputs), &rows).await
    }

    /// The logits of a row, one for each class.
    pub(super) fn logits(&self, outputs: &RowOutputs) -> Result<Vec<f32>, PredictError> {
        let logits = outputs.values(&self.output.name)?.values;
        self.output.check_classes(logits.len())?;
        Ok(logits)
    }
}

/// The row of a text, and whether the text was cut.
pub(super) struct ClassifierRow {
    pub(super) row: TextRow,
    pub(super) is_cut: bool,
}

/// The CPU work of tokenising the texts of `call`.
pub(super) fn tokenising(call: &ModelCall) -> CpuWork {
    CpuWork::text(call.input_size())
}

/// The function that `transformers` applies: a sigmoid for several labels a text and for a single class, else softmax.
fn default_function(config: &ConfigFile, classes: usize) -> Result<FunctionToApply, TaskError> {
    let problem = config.optional::<String>("problem_type")?;
    match problem.as_deref() {
        Some("regression") => Ok(FunctionToApply::None),
        Some("single_label_classification") | None if classes > 1 => Ok(FunctionToApply::Softmax),
        Some("single_label_classification" | "multi_label_classification") | None => Ok(FunctionToApply::Sigmoid),
        Some(_) => Err(config.error(
            "problem_type",
            "expected \"single_label_classification\", \"multi_label_classification\" or \"regression\"",
        )),
    }
}
