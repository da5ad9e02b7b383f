//! `zero-shot-classification`: texts to the scores of labels that the call names, by a network of natural language inference.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{
    CpuWork, ExampleCall, ModelCall, Predictions, Task, TaskContext, TaskError, UsageUnit, split_inputs,
};
use amaas_wire::pipeline::{LabelScore, ZeroShotClassificationParameters};

use super::classifier::{TextClassifier, tokenising};
use super::row_outputs::RowOutputs;
use super::tokenizer::Truncate;
use super::truncation::cut_inputs;
use crate::labels_template::label_texts;
use crate::scores::{ranked, softmax};

/// The pipeline `zero-shot-classification`: a text in, the labels of the call with scores out, the most probable one first.
///
/// The network classifies whether the text entails the hypothesis "This example is LABEL." Each label is a row.
#[derive(Debug)]
pub struct ZeroShotClassification {
    classifier: TextClassifier,
    /// The class "entailment".
    entailment: usize,
    /// The class that it is compared with if several labels can be true.
    contradiction: usize,
}

impl Task for ZeroShotClassification {
    const NAME: &'static str = "zero-shot-classification";
    const EXAMPLE: &'static str = r#""The team won the final.""#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = String;
    type Parameters = ZeroShotClassificationParameters;
    type Prediction = Vec<LabelScore>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let classifier = TextClassifier::load(context)?;
        let is_entailment = |label: &str| label.to_lowercase().starts_with("entail");
        let Some(entailment) = classifier.labels().iter().position(is_entailment) else {
            let got = classifier.labels().iter().collect::<Vec<_>>().join(", ");
            return Err(TaskError::new(format!(
                "config.json: id2label: expected a label \"entailment\", got {got}; a classifier without it is for \
                 text-classification"
            )));
        };
        if classifier.labels().count() < 2 {
            return Err(TaskError::new("config.json: id2label: expected a label beside \"entailment\", got none"));
        }
        // As `transformers` chooses it: the last class if entailment is the first one, else the first.
        let contradiction = if entailment == 0 { classifier.labels().count() - 1 } else { 0 };
        Ok(Self { classifier, entailment, contradiction })
    }

    fn example(&self) -> ExampleCall {
        ExampleCall::of_input(Self::EXAMPLE).with_parameters(r#"{"candidate_labels":["sport","politics"]}"#)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<String>,
        parameters: ZeroShotClassificationParameters,
    ) -> Result<Predictions<Vec<LabelScore>>, PredictError> {
        let template = parameters.hypothesis_template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
        let hypotheses = label_texts(&parameters.candidate_labels, template)?;
        let labels = hypotheses.len();
        if inputs.len().saturating_mul(labels) > call.max_rows() {
            let (most, got) = (call.max_rows(), inputs.len());
            return Err(PredictError::invalid(format!(
                "expected at most {most} pairs of an input and a label, got {got} inputs and {labels} labels"
            )));
        }
        let task = Arc::clone(&self);
        let truncate = if parameters.truncation == Some(true) { Truncate::First } else { Truncate::Refuse };
        let encode = move |working: &CpuPermit| {
            let row =
                |text: &String, hypothesis: &String| task.classifier.row(working, (text, Some(hypothesis)), truncate);
            let rows = |text: &String| hypotheses.iter().map(|hypothesis| row(text, hypothesis)).collect();
            Ok::<_, PredictError>(inputs.iter().map(rows).collect::<Vec<Result<Vec<_>, _>>>())
        };
        let rows = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let truncated = cut_inputs(&rows, |rows| rows.iter().any(|row| row.is_cut));
        let (accepted, places) = split_inputs(rows);
        let rows = accepted.into_iter().flatten().map(|row| row.row).collect();
        let outputs = self.classifier.run(&call, rows).await?;
        let predict = move |_: &_| {
            let predictions = outputs.chunks(labels).map(|outputs| self.labelled(outputs, &parameters)).collect();
            Ok::<_, PredictError>(places.merge(predictions))
        };
        let predictions = call.compute(CpuWork::json(call.output_size()), predict).await?;
        Ok(Predictions::of_results(predictions).with_truncated(truncated))
    }
}

impl ZeroShotClassification {
    /// The scores of the labels from the outputs of their rows.
    fn labelled(
        &self,
        outputs: &[RowOutputs],
        parameters: &ZeroShotClassificationParameters,
    ) -> Result<Vec<LabelScore>, PredictError> {
        let logits = outputs.iter().map(|outputs| self.classifier.logits(outputs)).collect::<Result<Vec<_>, _>>()?;
        let scores: Vec<f32> = if parameters.multi_label == Some(true) || logits.len() == 1 {
            logits.iter().map(|logits| softmax(&[logits[self.contradiction], logits[self.entailment]])[1]).collect()
        } else {
            softmax(&logits.iter().map(|logits| logits[self.entailment]).collect::<Vec<_>>())
        };
        let labels = parameters.candidate_labels.iter().zip(scores);
        Ok(ranked(labels.map(|(label, score)| LabelScore::new(label, score)).collect(), None))
    }
}

const DEFAULT_TEMPLATE: &str = "This example is {}.";
