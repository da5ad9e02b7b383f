//! The interfaces of a model besides `predict`: each has its routes.

use std::sync::Arc;

use amaas_engine::generate::{EventStream, TensorNames, Tokenizer};
use amaas_wire::Tensor;
use amaas_wire::openai::{EmbeddingInput, Truncation};
use amaas_wire::task::{Embedding, Prompt};
use async_trait::async_trait;

use super::ModelCall;
use crate::error::PredictError;

/// The interfaces of a task; none by default.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TaskInterfaces {
    /// `POST /v1/embeddings`.
    pub embeddings: Option<Arc<dyn EmbeddingsInterface>>,
    /// `POST /v1/rerank`.
    pub ranking: Option<Arc<dyn RankingInterface>>,
    /// `POST /v1/completions`.
    pub completions: Option<Arc<dyn CompletionsInterface>>,
    /// The labels of the classes of an output.
    pub labels: Option<Arc<OutputLabels>>,
}

impl TaskInterfaces {
    /// Adds `embeddings`.
    #[must_use]
    pub fn with_embeddings(self, embeddings: Arc<dyn EmbeddingsInterface>) -> Self {
        Self { embeddings: Some(embeddings), ..self }
    }

    /// Adds `ranking`.
    #[must_use]
    pub fn with_ranking(self, ranking: Arc<dyn RankingInterface>) -> Self {
        Self { ranking: Some(ranking), ..self }
    }

    /// Adds the labels of an output.
    #[must_use]
    pub fn with_labels(self, labels: OutputLabels) -> Self {
        Self { labels: Some(Arc::new(labels)), ..self }
    }

    /// Adds `completions`.
    #[must_use]
    pub fn with_completions(self, completions: Arc<dyn CompletionsInterface>) -> Self {
        Self { completions: Some(completions), ..self }
    }
}

/// The labels of the classes of an output of the model's own network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLabels {
    /// The name of the output. Its last dimension is the classes.
    pub output: String,
    /// The labels, in the order of the classes.
    pub labels: Vec<String>,
}

/// Embeds texts.
#[async_trait]
pub trait EmbeddingsInterface: Send + Sync {
    /// The norm of the first vector in the outputs of a run, if it is not 1; the publisher is warned. `None` by default.
    fn non_unit_norm(&self, outputs: &[Tensor]) -> Option<f64> {
        let _ = outputs;
        None
    }

    /// A vector of length 1 for each input, in order. What the model does not support is refused by name.
    ///
    /// # Errors
    /// [`PredictError`].
    async fn embed(self: Arc<Self>, call: ModelCall, inputs: EmbeddingInputs) -> Result<Vec<Embedding>, PredictError>;
}

/// The inputs of a call for embeddings.
#[derive(Clone, Debug)]
pub struct EmbeddingInputs {
    /// The texts, or their token ids.
    pub input: EmbeddingInput,
    /// The length of the vectors; the model's own if `None`.
    pub dimensions: Option<usize>,
    /// The name of the prompt that is put before each text.
    pub prompt_name: Option<String>,
    /// Whether a text that is too long is truncated or refused.
    pub truncation: Truncation,
}

/// Texts to embed.
#[derive(Clone, Debug)]
pub struct EmbeddingTexts {
    /// The texts.
    pub texts: Vec<String>,
    /// The name of the member of the request that holds them, for errors.
    pub member: &'static str,
    /// Whether a text that is too long is truncated or refused.
    pub truncation: Truncation,
}

/// Ranks documents by their relevance to a query.
#[async_trait]
pub trait RankingInterface: Send + Sync {
    /// The most relevant documents, the most relevant one first.
    ///
    /// # Errors
    /// [`PredictError`].
    async fn rank(
        self: Arc<Self>,
        call: ModelCall,
        inputs: RankingInputs,
    ) -> Result<Vec<RelevantDocument>, PredictError>;
}

/// The inputs of a call to rank documents.
#[derive(Clone, Debug)]
pub struct RankingInputs {
    /// The query.
    pub query: String,
    /// The documents, at least one.
    pub documents: Arc<Vec<String>>,
    /// The number of documents in the answer; all if `None`.
    pub top_n: Option<usize>,
    /// Whether a pair that is too long is truncated or refused.
    pub truncation: Truncation,
}

/// A document with its relevance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelevantDocument {
    /// The index of the document in the call.
    pub index: usize,
    /// Its relevance; more is more relevant.
    pub score: f32,
    /// Whether query and document were truncated.
    pub truncated: bool,
}

/// Completes prompts.
#[async_trait]
pub trait CompletionsInterface: Send + Sync {
    /// Begins a sequence for each prompt, or for none if one is refused. The call is charged for the maximum number of
    /// tokens.
    ///
    /// # Errors
    /// [`PredictError`].
    async fn begin(
        self: Arc<Self>,
        call: ModelCall,
        request: CompletionPrompts,
    ) -> Result<Vec<EventStream>, PredictError>;
}

/// Prompts to complete.
#[derive(Clone, Debug)]
pub struct CompletionPrompts {
    /// The prompts with their options.
    pub prompts: Vec<Prompt>,
    /// The number of alternatives to list for each token, with log probabilities.
    pub logprobs: Option<usize>,
    /// Whether text is streamed.
    pub streams: bool,
}

/// The tokenizer and tensor names of a decoder.
#[derive(Clone)]
pub struct DecoderSpec {
    /// Its tokenizer.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// The names of its tensors.
    pub tensors: TensorNames,
}
