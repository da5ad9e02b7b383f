//! What a model answers beside `predict`: each interface has its routes.

use std::sync::Arc;

use amaas_engine::generate::{EventStream, TensorNames, Tokenizer};
use amaas_wire::Tensor;
use amaas_wire::openai::Truncation;
use amaas_wire::task::{Embedding, Prompt};
use async_trait::async_trait;

use super::ModelCall;
use crate::error::PredictError;

/// The interfaces of a task. A task has none unless it says so.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Interfaces {
    /// `POST /v1/embeddings`.
    pub embeddings: Option<Arc<dyn Embeddings>>,
    /// `POST /v1/completions`.
    pub completions: Option<Arc<dyn Completions>>,
}

impl Interfaces {
    /// These and `embeddings`.
    #[must_use]
    pub fn with_embeddings(self, embeddings: Arc<dyn Embeddings>) -> Self {
        Self { embeddings: Some(embeddings), ..self }
    }

    /// These and `completions`.
    #[must_use]
    pub fn with_completions(self, completions: Arc<dyn Completions>) -> Self {
        Self { completions: Some(completions), ..self }
    }
}

/// Texts to vectors.
#[async_trait]
pub trait Embeddings: Send + Sync {
    /// The length of the vectors, if the network declares it.
    fn dimensions(&self) -> Option<usize>;

    /// The norm of the first vector in the outputs of a run, if it is not 1: publishers are warned of it.
    fn other_norm(&self, outputs: &[Tensor]) -> Option<f64>;

    /// A vector of length 1 for each text, in their order.
    ///
    /// # Errors
    /// [`PredictError`].
    async fn embed(self: Arc<Self>, call: ModelCall, texts: EmbeddingTexts) -> Result<Vec<Embedding>, PredictError>;
}

/// Texts to be embedded.
#[derive(Clone, Debug)]
pub struct EmbeddingTexts {
    /// The texts.
    pub texts: Vec<String>,
    /// The name of the member of the request that holds them, for errors.
    pub member: &'static str,
    /// What happens to a text with more tokens than the network reads.
    pub truncation: Truncation,
}

/// Prompts to text.
#[async_trait]
pub trait Completions: Send + Sync {
    /// Begins a text for each prompt, or none of them; `logprobs` tokens are named beside each, if asked for. The call is charged for
    /// the most that they can come to.
    ///
    /// # Errors
    /// [`PredictError`].
    async fn begin(
        self: Arc<Self>,
        call: ModelCall,
        request: CompletionPrompts,
    ) -> Result<Vec<EventStream>, PredictError>;
}

/// Prompts to be completed.
#[derive(Clone, Debug)]
pub struct CompletionPrompts {
    /// The prompts with their options.
    pub prompts: Vec<Prompt>,
    /// Tokens to name beside each token, with their log probabilities.
    pub logprobs: Option<usize>,
    /// Whether text is delivered as it is generated.
    pub streams: bool,
}

/// How a network that generates text is run.
#[derive(Clone)]
pub struct DecoderSpec {
    /// Its tokenizer.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// The names of its tensors.
    pub tensors: TensorNames,
}
