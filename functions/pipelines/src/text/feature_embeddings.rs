//! `/v1/embeddings` of `feature-extraction`: pooled vectors of length 1, of texts or of token ids.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{CpuWork, EmbeddingInputs, EmbeddingsInterface, ModelCall};
use amaas_wire::openai::{EmbeddingInput, Truncation};
use amaas_wire::pipeline::{FeatureExtractionParameters, Features};
use amaas_wire::task::Embedding;
use async_trait::async_trait;

use super::classifier::tokenising;
use super::feature_extraction::{FeatureExtraction, FeatureOptions, FeatureRow};
use super::tokenizer::Truncate;

#[async_trait]
impl EmbeddingsInterface for FeatureExtraction {
    async fn embed(self: Arc<Self>, call: ModelCall, inputs: EmbeddingInputs) -> Result<Vec<Embedding>, PredictError> {
        let EmbeddingInputs { input, dimensions, prompt_name, truncation } = inputs;
        if prompt_name.is_some() && matches!(input, EmbeddingInput::TokenIds(_)) {
            return Err(refuse("prompt_name", "expected none together with token ids, which are run as they are"));
        }
        let mut parameters = FeatureExtractionParameters::default().normalize(true);
        (parameters.dimensions, parameters.prompt_name) = (dimensions, prompt_name);
        let options = Arc::new(self.options(&parameters, refuse)?);
        let truncate = if truncation == Truncation::Refuse { Truncate::Refuse } else { Truncate::Longest };
        let work = match input {
            EmbeddingInput::Texts(_) => tokenising(&call),
            EmbeddingInput::TokenIds(_) => CpuWork::json(call.input_size()),
        };
        let (task, chosen) = (Arc::clone(&self), Arc::clone(&options));
        let encode = move |working: &CpuPermit| task.rows(working, &input, &chosen, truncate);
        let rows = call.compute(work, encode).await?;
        let sizes: Vec<_> = rows.iter().map(|row| (row.row.len() as u64, row.is_cut)).collect();
        let features = self.run(&call, rows, options).await?;
        let embeddings =
            features.into_iter().zip(sizes).enumerate().map(|(index, (features, (tokens, truncated)))| match features
                .map_err(|error| error.in_entry(INPUT, index))?
            {
                Features::Pooled(embedding) => Ok(Embedding { embedding, tokens, truncated }),
                other @ Features::Tokens(_) => {
                    Err(PredictError::internal(format!("expected one vector for a text, got {other:?}")))
                }
            });
        embeddings.collect()
    }
}

impl FeatureExtraction {
    /// A row for each input.
    fn rows(
        &self,
        working: &CpuPermit,
        input: &EmbeddingInput,
        options: &FeatureOptions,
        truncate: Truncate,
    ) -> Result<Vec<FeatureRow>, PredictError> {
        let of_input =
            |(index, row): (usize, Result<FeatureRow, PredictError>)| row.map_err(|error| error.in_entry(INPUT, index));
        match input {
            EmbeddingInput::Texts(texts) => {
                let rows = texts.iter().map(|text| self.row(working, text, options, truncate));
                rows.enumerate().map(of_input).collect()
            }
            EmbeddingInput::TokenIds(lists) => {
                let rows = lists.iter().map(|ids| self.row_of_ids(ids, truncate));
                rows.enumerate().map(of_input).collect()
            }
        }
    }
}

/// The error of the member `name` of the request.
fn refuse(name: &'static str, what: &str) -> PredictError {
    PredictError::parameter(name, format!("{name}: {what}"))
}

/// The member of the request that has the inputs.
const INPUT: &str = "input";
