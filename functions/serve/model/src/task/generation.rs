//! Text generation: the adapter for decoders with a KV cache, which also answer `OpenAI`'s `/v1/completions`, streamed on
//! request.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_engine::generate::{
    ContinuousBatcher, EventStream, GenerateCall, PromptError, TensorNames, TextDelivery, Tokenizer,
};
use amaas_engine::{InvalidInput, TaskError};
use amaas_wire::predict::NoParameters;
use amaas_wire::task::{Generation, Prompt};
use async_trait::async_trait;

use super::{
    CompletionPrompts, CompletionsInterface, Cost, CpuWork, DecoderSpec, ModelCall, Predictions, Task, TaskContext,
    TaskInterfaces, UsageSoFar, UsageUnit,
};
use crate::error::{InputError, PredictError};

/// The tokenizer of a network that generates text; registered as [`TextGeneration`].
///
/// Its inputs are [`Prompt`]s, its predictions [`Generation`]s, and `POST /v1/completions` takes the model. [`TensorNames`] says which
/// tensors the network needs.
///
/// ```
/// use amaas_model::task::{InvalidInput, TaskContext, TaskError, Tasks, TextGeneration, TextGenerator};
///
/// /// A token is a byte, and 0 begins and ends a text.
/// struct Bytes;
///
/// impl TextGenerator for Bytes {
///     const NAME: &'static str = "bytes";
///     const EXAMPLE: &'static str = r#""Once upon""#;
///
///     fn load(_: &TaskContext) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     fn encode(&self, text: &str) -> Result<Vec<i64>, InvalidInput> {
///         Ok(std::iter::once(0).chain(text.bytes().map(i64::from)).collect())
///     }
///
///     fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
///         let bytes: Vec<u8> = tokens.iter().filter_map(|token| u8::try_from(*token).ok()).filter(|it| *it > 0).collect();
///         Ok(String::from_utf8_lossy(&bytes).into_owned())
///     }
///
///     fn is_end(&self, token: i64) -> bool {
///         token == 0
///     }
///
///     fn context_length(&self) -> usize {
///         1024
///     }
/// }
///
/// let tasks = Tasks::default().with::<TextGeneration<Bytes>>();
/// assert_eq!(tasks.names().collect::<Vec<_>>(), ["bytes"]);
/// ```
pub trait TextGenerator: Sized + Send + Sync + 'static {
    /// See [`Task::NAME`].
    const NAME: &'static str;
    /// One prompt, as JSON: for the `OpenAPI` document, and for a trial.
    const EXAMPLE: &'static str;

    /// See [`Task::load`].
    ///
    /// # Errors
    /// If a file is missing or not valid; the function then never gets ready.
    fn load(context: &TaskContext) -> Result<Self, TaskError>;

    /// The tokens of a prompt, with those that begin a text; never empty.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn encode(&self, text: &str) -> Result<Vec<i64>, InvalidInput>;

    /// The text of tokens, without special tokens. An incomplete character becomes U+FFFD.
    ///
    /// # Errors
    /// If a token is not in the vocabulary: a fault of the model.
    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError>;

    /// The tokenizer's name of `token`, for log probabilities. Used if its text is ambiguous, as for special tokens and bytes
    /// that are not a whole character (`bytes:\\xf0`).
    fn token_name(&self, token: i64) -> Option<String> {
        let _ = token;
        None
    }

    /// Whether `token` ends a text.
    fn is_end(&self, token: i64) -> bool;

    /// The maximum number of tokens of a sequence, prompt included.
    fn context_length(&self) -> usize;

    /// The names of the network's tensors, if they are not the default ones.
    fn tensors(&self) -> TensorNames {
        TensorNames::default()
    }
}

/// A [`TextGenerator`] as a [`Task`].
pub struct TextGeneration<G>(Arc<OwnTokenizer<G>>);

struct OwnTokenizer<G>(G);

impl<G: TextGenerator> Tokenizer for OwnTokenizer<G> {
    fn encode(&self, working: &CpuPermit, text: &str) -> Result<Vec<i64>, PromptError> {
        let refused = |error: InvalidInput| PromptError::Parameter { param: "prompt", message: error.to_string() };
        let tokens = self.0.encode(text).map_err(refused)?;
        working.record_progress(tokens.len() as u64)?;
        Ok(tokens)
    }

    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
        self.0.decode(tokens)
    }

    fn token_name(&self, token: i64) -> Option<String> {
        self.0.token_name(token)
    }

    fn is_end(&self, token: i64) -> bool {
        self.0.is_end(token)
    }

    fn context_length(&self) -> usize {
        self.0.context_length()
    }
}

impl<G: TextGenerator> Task for TextGeneration<G> {
    const NAME: &'static str = G::NAME;
    const EXAMPLE: &'static str = G::EXAMPLE;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = Prompt;
    type Parameters = NoParameters;
    type Prediction = Generation;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self(Arc::new(OwnTokenizer(G::load(context)?))))
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        prompts: Vec<Prompt>,
        _: NoParameters,
    ) -> Result<Predictions<Generation>, PredictError> {
        let most = decoder(&call)?.max_queued_calls();
        if prompts.len() > most {
            return Err(InputError::Body(format!("inputs: expected at most {most} entries, got more")).into());
        }
        let mut all = self.begin(call, CompletionPrompts { prompts, logprobs: None, streams: false }).await?;
        let mut generations = Vec::with_capacity(all.len());
        for events in &mut all {
            let completed = events.collect().await?;
            generations.push(Generation {
                text: completed.text,
                finish_reason: completed.reason,
                prompt_tokens: events.prompt_tokens() as u64,
                completion_tokens: completed.generated as u64,
            });
        }
        Ok(generations.into())
    }

    fn interfaces(self: &Arc<Self>) -> TaskInterfaces {
        TaskInterfaces::default().with_completions(Arc::clone(self) as Arc<dyn CompletionsInterface>)
    }

    fn decoder(self: &Arc<Self>, network: Option<&str>) -> Option<DecoderSpec> {
        let tokenizer = Arc::clone(&self.0) as Arc<dyn Tokenizer>;
        network.is_none().then(|| DecoderSpec { tokenizer, tensors: self.0.0.tensors() })
    }
}

#[async_trait]
impl<G: TextGenerator> CompletionsInterface for TextGeneration<G> {
    async fn begin(
        self: Arc<Self>,
        call: ModelCall,
        request: CompletionPrompts,
    ) -> Result<Vec<EventStream>, PredictError> {
        let CompletionPrompts { prompts, logprobs, streams } = request;
        let (generate, tenant) = (Arc::clone(decoder(&call)?), call.tenant().map(str::to_owned));
        let telling = if streams { TextDelivery::Incremental } else { TextDelivery::AtEnd };
        let tokenising = Arc::clone(&generate);
        let tokenise = move |working: &CpuPermit| {
            let one = |prompt| {
                let call = tokenising.validate(working, prompt, logprobs)?.delivered(telling);
                Ok(match &tenant {
                    Some(tenant) => call.of_tenant(tenant),
                    None => call,
                })
            };
            prompts.iter().map(one).collect::<Result<Vec<_>, PromptError>>()
        };
        let calls = call.compute(CpuWork::text(call.input_size()), tokenise).await?;
        let at_most = calls.iter().map(GenerateCall::max_tokens).sum();
        let charge = call.charge(Cost::tokens(calls.len(), at_most)).await?;
        let all = call.enqueue(&charge, &generate, calls)?;
        let prompt_tokens: usize = all.iter().map(EventStream::prompt_tokens).sum();
        let generated = all.iter().map(EventStream::counter).collect();
        call.set_usage(UsageSoFar { rows: all.len(), tokens: Some(prompt_tokens as u64), generated });
        Ok(all)
    }
}

fn decoder(call: &ModelCall) -> Result<&Arc<ContinuousBatcher>, PredictError> {
    call.networks().own().generate().ok_or_else(|| PredictError::internal("the network is not run as a decoder"))
}
