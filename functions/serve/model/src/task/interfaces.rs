//! The interfaces of a model besides `predict`: each has its routes.

use std::sync::Arc;

use amaas_engine::generate::{EventStream, TensorNames, Tokenizer};
use amaas_wire::Tensor;
use amaas_wire::openai::Truncation;
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
    /// `POST /v1/completions`.
    pub completions: Option<Arc<dyn CompletionsInterface>>,
}

impl TaskInterfaces {
    /// Adds `embeddings`.
    #[must_use]
    pub fn with_embeddings(self, embeddings: Arc<dyn EmbeddingsInterface>) -> Self {
        Self { embeddings: Some(embeddings), ..self }
    }

    /// Adds `completions`.
    #[must_use]
    pub fn with_completions(self, completions: Arc<dyn CompletionsInterface>) -> Self {
        Self { completions: Some(completions), ..self }
    }
}

/// Embeds texts.
#[async_trait]
pub trait EmbeddingsInterface: Send + Sync {
    /// The length of the vectors, if the network declares it.
    fn dimensions(&self) -> Option<usize>;

    /// The norm of the first vector in the outputs of a run, if it is not 1; the publisher is warned.
    fn non_unit_norm(&self, outputs: &[Tensor]) -> Option<f64>;

    /// A vector of length 1 for each text, in order.
    ///
    /// # Errors
    /// [`PredictError`].
    async fn embed(self: Arc<Self>, call: ModelCall, texts: EmbeddingTexts) -> Result<Vec<Embedding>, PredictError>;
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
