//! `text-classification`: texts, or pairs of texts, to the scores of labels.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{
    CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError, TaskInterfaces, UsageUnit, split_inputs,
};
use amaas_wire::pipeline::{FunctionToApply, LabelScore, TextClassificationParameters, TextOrPair};

use super::classifier::{TextClassifier, tokenising};
use super::row_outputs::RowOutputs;
use super::tokenizer::Truncate;
use super::truncation::cut_inputs;
use crate::parameters::check_top_k;
use crate::scores::{ranked, scores};

/// The pipeline `text-classification`: a text in, labels with scores out, the most probable one first.
#[derive(Debug)]
pub struct TextClassification(TextClassifier);

impl Task for TextClassification {
    const NAME: &'static str = "text-classification";
    const EXAMPLE: &'static str = r#""A wonderful film.""#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = TextOrPair;
    type Parameters = TextClassificationParameters;
    type Prediction = Vec<LabelScore>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self(TextClassifier::load(context)?))
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<TextOrPair>,
        parameters: TextClassificationParameters,
    ) -> Result<Predictions<Vec<LabelScore>>, PredictError> {
        check_top_k(parameters.top_k)?;
        let task = Arc::clone(&self);
        let truncate = if parameters.truncation == Some(true) { Truncate::Longest } else { Truncate::Refuse };
        let encode = move |working: &CpuPermit| {
            let row = |input: &TextOrPair| task.0.row(working, input.texts(), truncate);
            Ok::<_, PredictError>(inputs.iter().map(row).collect::<Vec<_>>())
        };
        let rows = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let truncated = cut_inputs(&rows, |row| row.is_cut);
        let (accepted, places) = split_inputs(rows);
        let outputs = self.0.run(&call, accepted.into_iter().map(|row| row.row).collect()).await?;
        let function = parameters.function_to_apply.unwrap_or(self.0.function());
        let predict = move |_: &_| {
            let predictions =
                outputs.iter().map(|outputs| self.labelled(outputs, function, parameters.top_k)).collect();
            Ok::<_, PredictError>(places.merge(predictions))
        };
        let predictions = call.compute(CpuWork::json(call.output_size()), predict).await?;
        Ok(Predictions::of_results(predictions).with_truncated(truncated))
    }

    fn interfaces(self: &Arc<Self>) -> TaskInterfaces {
        TaskInterfaces::default().with_labels(self.0.output_labels())
    }
}

impl TextClassification {
    fn labelled(
        &self,
        outputs: &RowOutputs,
        function: FunctionToApply,
        top_k: Option<usize>,
    ) -> Result<Vec<LabelScore>, PredictError> {
        let scores = scores(&self.0.logits(outputs)?, function);
        let classes = self.0.labels().iter().zip(scores).map(|(label, score)| LabelScore::new(label, score));
        Ok(ranked(classes.collect(), top_k))
    }
}
