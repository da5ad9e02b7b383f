//! `feature-extraction`: texts to vectors.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::{
    CpuWork, EmbeddingsInterface, ModelCall, Predictions, Task, TaskContext, TaskError, TaskInterfaces, UsageUnit,
    split_inputs,
};
use amaas_wire::pipeline::{FeatureExtractionParameters, Features};

use super::classifier::tokenising;
use super::network::TextInputs;
use super::pooling::{TokenVectors, normalised};
use super::row::TextRow;
use super::row_outputs::RowOutputs;
use super::runs::run_rows;
use super::tokenizer::{TextTokenizer, Truncate};
use super::truncation::cut_inputs;
use crate::export::{ConfigFile, PipelineSettings, Pooling, SentenceModules};
use crate::parameters::bad_parameter;

/// The pipeline `feature-extraction`: a text in, its vector out, or one vector for each token if the export has no pooling.
///
/// Pooling, normalisation and prompts are those of a sentence-transformers folder. A long text is cut, and the answer says so.
#[derive(Debug)]
pub struct FeatureExtraction {
    tokenizer: TextTokenizer,
    inputs: TextInputs,
    output: VectorOutput,
    modules: SentenceModules,
    /// The token ids that the network knows are below this.
    token_ids: u32,
}

/// The output that vectors are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum VectorOutput {
    /// One vector for each text, `[batch, width]`.
    Pooled { name: String, width: Option<usize> },
    /// One vector for each token, `[batch, sequence, width]`.
    Tokens { name: String, width: Option<usize> },
}

/// A tokenised text.
pub(super) struct FeatureRow {
    pub(super) row: TextRow,
    pub(super) is_cut: bool,
    /// The tokens of the prompt, if they do not count.
    skipped: usize,
}

/// The parameters of a call, checked.
#[derive(Clone, Debug)]
pub(super) struct FeatureOptions {
    prompt: Option<String>,
    normalizes: bool,
    dimensions: Option<usize>,
    refuse: RefuseParameter,
}

/// The error of a parameter, by its name: the routes have it in different places.
pub(super) type RefuseParameter = fn(&'static str, &str) -> PredictError;

impl Task for FeatureExtraction {
    const NAME: &'static str = "feature-extraction";
    const EXAMPLE: &'static str = r#""The cat sleeps on the warm roof.""#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = String;
    type Parameters = FeatureExtractionParameters;
    type Prediction = Features;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let tokenizer = TextTokenizer::load(context)?;
        let inputs = TextInputs::of(&context.network.inputs, tokenizer.pad_id())?;
        let output = VectorOutput::of(&context.network.outputs)?;
        let settings = PipelineSettings::read(&context.assets)?;
        let mut modules = SentenceModules::read(&context.assets)?;
        modules.normalizes = settings.normalize.unwrap_or(modules.normalizes);
        match (settings.pooling, &output) {
            (Some(Pooling::None), VectorOutput::Tokens { .. }) => modules.pooling.clear(),
            (Some(mode), VectorOutput::Tokens { .. }) => modules.pooling = vec![mode],
            (Some(_), VectorOutput::Pooled { name, .. }) => {
                return Err(TaskError::new(format!(
                    "--pooling: the network pools its own output {name:?}; leave it out"
                )));
            }
            (None, _) => {}
        }
        let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
        let token_ids = config.optional::<u32>("vocab_size")?.unwrap_or_else(|| tokenizer.id_count());
        Ok(Self { tokenizer, inputs, output, modules, token_ids })
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<String>,
        parameters: FeatureExtractionParameters,
    ) -> Result<Predictions<Features>, PredictError> {
        let options = Arc::new(self.options(&parameters, bad_parameter)?);
        let truncate = if parameters.truncate == Some(false) { Truncate::Refuse } else { Truncate::Longest };
        let (task, chosen) = (Arc::clone(&self), Arc::clone(&options));
        let encode = move |working: &CpuPermit| {
            let row = |text: &String| task.row(working, text, &chosen, truncate);
            Ok::<_, PredictError>(inputs.iter().map(row).collect::<Vec<_>>())
        };
        let rows = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let truncated = cut_inputs(&rows, |row| row.is_cut);
        let (accepted, places) = split_inputs(rows);
        let features = self.run(&call, accepted, options).await?;
        Ok(Predictions::of_results(places.merge(features)).with_truncated(truncated))
    }

    /// `/v1/embeddings`, if a text has one vector.
    fn interfaces(self: &Arc<Self>) -> TaskInterfaces {
        if self.is_pooled() {
            TaskInterfaces::default().with_embeddings(Arc::clone(self) as Arc<dyn EmbeddingsInterface>)
        } else {
            TaskInterfaces::default()
        }
    }
}

impl FeatureExtraction {
    /// Checks `parameters`; `refuse` makes the error of one of them.
    pub(super) fn options(
        &self,
        parameters: &FeatureExtractionParameters,
        refuse: RefuseParameter,
    ) -> Result<FeatureOptions, PredictError> {
        let named = parameters.prompt_name.as_ref().or(self.modules.default_prompt.as_ref());
        let prompt = match named {
            None => None,
            Some(name) => Some(self.modules.prompts.get(name).cloned().ok_or_else(|| {
                let known: Vec<_> = self.modules.prompts.keys().map(String::as_str).collect();
                let known = if known.is_empty() {
                    "the model has none".to_owned()
                } else {
                    format!("expected one of {}", known.join(", "))
                };
                refuse("prompt_name", &known)
            })?),
        };
        if let Some(dimensions) = parameters.dimensions {
            let width = self.width();
            if dimensions == 0 || width.is_some_and(|width| dimensions > width) {
                let most = width.map_or_else(String::new, |width| format!(" to {width}"));
                return Err(refuse("dimensions", &format!("expected 1{most}, got {dimensions}")));
            }
            if !self.is_pooled() {
                return Err(refuse("dimensions", "the model gives a vector for each token, which is not cut"));
            }
        }
        let normalizes = parameters.normalize.unwrap_or(self.modules.normalizes);
        Ok(FeatureOptions { prompt, normalizes, dimensions: parameters.dimensions, refuse })
    }

    /// Runs `rows`, and returns the features of each.
    pub(super) async fn run(
        self: Arc<Self>,
        call: &ModelCall,
        rows: Vec<FeatureRow>,
        options: Arc<FeatureOptions>,
    ) -> Result<Vec<Result<Features, PredictError>>, PredictError> {
        let (rows, skipped): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.row, row.skipped)).unzip();
        let outputs = run_rows(call, (call.networks().own(), &self.inputs), &rows).await?;
        let predict = move |_: &_| {
            let features = outputs.iter().zip(skipped).map(|(row, skipped)| self.features(row, skipped, &options));
            Ok::<_, PredictError>(features.collect())
        };
        call.compute(CpuWork::json(call.output_size()), predict).await
    }

    /// Whether a text has one vector.
    fn is_pooled(&self) -> bool {
        matches!(self.output, VectorOutput::Pooled { .. }) || !self.modules.pooling.is_empty()
    }

    /// The length of a vector, if the network declares it.
    fn width(&self) -> Option<usize> {
        match &self.output {
            VectorOutput::Pooled { width, .. } => *width,
            VectorOutput::Tokens { width, .. } => width.map(|width| width * self.modules.pooling.len().max(1)),
        }
    }

    /// The row of a text.
    pub(super) fn row(
        &self,
        working: &CpuPermit,
        text: &str,
        options: &FeatureOptions,
        truncate: Truncate,
    ) -> Result<FeatureRow, PredictError> {
        let Some(prompt) = &options.prompt else {
            let encoded = self.tokenizer.encode(working, (text, None), truncate)?;
            return Ok(FeatureRow { row: encoded.row(), is_cut: encoded.is_cut(), skipped: 0 });
        };
        let encoded = self.tokenizer.encode(working, (&format!("{prompt}{text}"), None), truncate)?;
        let skipped = if self.modules.includes_prompt { 0 } else { self.prompt_tokens(working, prompt)? };
        Ok(FeatureRow { row: encoded.row(), is_cut: encoded.is_cut(), skipped })
    }

    /// The row of token ids, which are run as they are: no prompt and no special tokens are added.
    pub(super) fn row_of_ids(&self, ids: &[u32], truncate: Truncate) -> Result<FeatureRow, PredictError> {
        if let Some(index) = ids.iter().position(|id| *id >= self.token_ids) {
            let known = self.token_ids;
            return Err(PredictError::invalid(format!(
                "expected token ids below {known}, got a larger one at {index}"
            )));
        }
        let (row, is_cut) = self.tokenizer.row_of_ids(ids, truncate)?;
        Ok(FeatureRow { row, is_cut, skipped: 0 })
    }

    /// The tokens of `prompt` without the special token at its end.
    fn prompt_tokens(&self, working: &CpuPermit, prompt: &str) -> Result<usize, PredictError> {
        let encoded = self.tokenizer.encode(working, (prompt, None), Truncate::Longest)?;
        let special = encoded.encoding().get_special_tokens_mask().last().is_some_and(|special| *special == 1);
        Ok(encoded.encoding().len() - usize::from(special))
    }

    fn features(
        &self,
        outputs: &RowOutputs,
        skipped: usize,
        options: &FeatureOptions,
    ) -> Result<Features, PredictError> {
        let vector = match &self.output {
            VectorOutput::Pooled { name, .. } => outputs.values(name)?.values,
            VectorOutput::Tokens { name, .. } => {
                let vectors = outputs.token_vectors(name)?;
                let width = vectors.shape[1];
                if self.modules.pooling.is_empty() {
                    let vectors = vectors.values.chunks_exact(width.max(1)).map(<[f32]>::to_vec);
                    let vectors = vectors.map(|vector| if options.normalizes { unit(vector) } else { Ok(vector) });
                    return Ok(Features::Tokens(vectors.collect::<Result<_, _>>()?));
                }
                let skipped = skipped.min(vectors.shape[0].saturating_sub(1));
                TokenVectors { values: &vectors.values, width, skipped }.pool(&self.modules.pooling)
            }
        };
        let mut vector = vector;
        if let Some(dimensions) = options.dimensions {
            if dimensions > vector.len() {
                let what = format!("expected 1 to {}, got {dimensions}", vector.len());
                return Err((options.refuse)("dimensions", &what));
            }
            vector.truncate(dimensions);
        }
        Ok(Features::Pooled(if options.normalizes { unit(vector)? } else { vector }))
    }
}

fn unit(vector: Vec<f32>) -> Result<Vec<f32>, PredictError> {
    normalised(vector).map_err(PredictError::not_finite)
}

impl VectorOutput {
    /// The output of `specs` with vectors: a pooled one by sentence-transformers' name, else the vectors of tokens.
    fn of(specs: &[TensorSpec]) -> Result<Self, TaskError> {
        let named = |names: &[&str]| names.iter().find_map(|name| specs.iter().find(|spec| spec.name == *name));
        if let Some(spec) = named(&["sentence_embedding", "text_embeds", "embeddings"]) {
            return Self::of_spec(spec);
        }
        if let Some(spec) = named(&["last_hidden_state", "token_embeddings", "hidden_states"]) {
            return Self::of_spec(spec);
        }
        if let [spec] = specs {
            return Self::of_spec(spec);
        }
        let got = specs.iter().map(|spec| format!("{:?}", spec.name)).collect::<Vec<_>>().join(", ");
        Err(TaskError::new(format!("expected an output \"sentence_embedding\" or \"last_hidden_state\", got {got}")))
    }

    fn of_spec(spec: &TensorSpec) -> Result<Self, TaskError> {
        let (name, width) = (spec.name.clone(), spec.shape.last().and_then(Dim::fixed));
        match spec.shape.len() {
            2 => Ok(Self::Pooled { name, width }),
            3 => Ok(Self::Tokens { name, width }),
            got => Err(TaskError::new(format!(
                "output {name:?}: expected the shape [batch, width] or [batch, sequence, width], got {got} dimensions"
            ))),
        }
    }
}
