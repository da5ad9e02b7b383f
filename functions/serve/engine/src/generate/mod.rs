//! Text generation with continuous batching: the counterpart of `infer` for autoregressive decoders.
//!
//! One thread owns the network. In each iteration it admits queued calls, prefills a chunk of a prompt, and decodes one
//! token of every running sequence. Sequences join and leave between iterations, and a cancelled call is left out of
//! the next one. Sequences with KV caches of one length share a run on two conditions: the network's rows are proven
//! independent, and publishing found that batched rows give identical bits (`publish/decoder_trial.rs`). If the network's
//! owner requires less, sequences of one tenant share a run. Other sequences run one after the other. They are not
//! padded to one length: padding changes the order of rounding, and a text would then depend on the load.
//!
//! Bounds: the running sequences, the tokens of their KV caches, and the number and bytes of queued calls. A full queue
//! refuses a call at once.
//!
//! Invariant: each call gets one end, a finish or an error, unless its caller is gone.
//! Invariant: an answer depends on the call's prompt, options and seed, and on no call of another tenant. It depends on
//! no other call at all, unless the network's owner lets calls of one tenant share runs (`Batching::SameTenant`).

mod cohort;
mod decoder_tensors;
mod detokenizer;
mod error;
mod queue;
mod sampling;
mod scheduler;
mod sequence;
mod token_names;
mod tokenizer;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use amaas_wire::task::{FinishReason, Prompt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub use self::decoder_tensors::{CacheTensor, DecoderTensors, TensorNames};
pub use self::error::PromptError;
use self::queue::{GenerateQueue, QueuedPrompt};
pub use self::sampling::most_probable_token;
pub use self::tokenizer::Tokenizer;
use crate::batching::RunSharing;
use crate::cpu::CpuPermit;
use crate::error::RunError;
use crate::infer::LostFlag;

/// An autoregressive network with a KV cache.
pub trait DecoderNetwork: Send + 'static {
    /// The KV cache of one row or more, all of one length.
    type KvCache: Send;

    /// Runs `new` tokens, equally many in each row, after `cache`. Returns the logits of the last token of each row,
    /// and the new KV cache.
    fn step(
        &mut self,
        new: &[Vec<i64>],
        cache: Option<Self::KvCache>,
    ) -> Result<(Vec<Vec<f32>>, Self::KvCache), RunError>;

    /// The KV cache of the given rows of each of `caches`, all of one length, in this order.
    fn gather(&mut self, caches: &[(&Self::KvCache, &[usize])]) -> Result<Self::KvCache, RunError>;

    /// Which calls may share a run.
    fn sharing(&self) -> RunSharing;

    /// Bytes of KV cache for each token.
    fn token_bytes(&self) -> usize;

    /// The flag that is set if a run of the network does not end.
    fn lost(&self) -> LostFlag {
        LostFlag::default()
    }
}

/// Generates text on the network's own thread. When it is dropped, the thread ends once every call has ended.
pub struct ContinuousBatcher {
    queue: Arc<GenerateQueue>,
    tokenizer: Arc<dyn Tokenizer>,
    max_queued_calls: usize,
    lost: LostFlag,
}

/// The bounds of text generation.
#[derive(Clone, Copy, Debug)]
pub struct GenerateBounds {
    /// The largest number of running sequences.
    pub sequences: NonZeroUsize,
    /// The largest number of queued calls.
    pub queue: NonZeroUsize,
    /// The largest number of KV cache bytes of all running sequences; a single sequence may exceed it.
    pub max_cache_bytes: usize,
}

/// A validated call for text generation.
pub struct GenerateCall {
    prompt: Vec<i64>,
    /// The largest number of tokens to generate.
    max_new_tokens: usize,
    sampler: sampling::Sampler,
    stop: Vec<String>,
    logprobs: Option<usize>,
    delivery: TextDelivery,
    /// The tenant, if known.
    tenant: Option<Arc<str>>,
    /// Tokens generated so far; it outlives a cancelled call, for metering.
    generated: Arc<AtomicUsize>,
}

impl GenerateCall {
    /// Bytes of the call in the queue.
    fn bytes(&self) -> usize {
        let stops = self.stop.iter().map(|stop| stop.len() + size_of::<String>()).sum::<usize>();
        size_of::<QueuedPrompt>() + self.prompt.len() * size_of::<i64>() + stops
    }

    /// The largest number of tokens of the prompt and the completion together.
    pub fn max_tokens(&self) -> u64 {
        (self.prompt.len() + self.max_new_tokens) as u64
    }

    /// Sets the tenant. A call without a tenant shares no run if only calls of one tenant may.
    #[must_use]
    pub fn of_tenant(self, tenant: &str) -> Self {
        Self { tenant: Some(tenant.into()), ..self }
    }

    /// Sets when the text is delivered.
    #[must_use]
    pub fn delivered(self, delivery: TextDelivery) -> Self {
        Self { delivery, ..self }
    }
}

/// When the text is delivered to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextDelivery {
    /// Token by token.
    Incremental,
    /// All of it at the end: waking the caller for each token would take CPU time from decoding.
    AtEnd,
}

/// An event of a generation call.
#[derive(Debug)]
pub enum GenerateEvent {
    /// More text, with its tokens and the number of tokens so far.
    Piece {
        /// The text.
        text: String,
        /// Its tokens, if log probabilities were asked for.
        tokens: Vec<TokenLogprob>,
        /// Tokens generated so far.
        generated: usize,
    },
    /// The end of the text.
    End {
        /// Why the text ends.
        reason: FinishReason,
        /// Tokens generated.
        generated: usize,
    },
    /// The call failed.
    Failed(RunError),
}

/// A generated token with its log probability.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The token's name: the text that it adds, if that is unique.
    pub name: String,
    /// Whether the token adds text.
    pub adds: bool,
    /// The offset of its text, in characters.
    pub offset: usize,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// The most probable tokens at this position, each with a unique name.
    pub top: Vec<(String, f64)>,
}

impl ContinuousBatcher {
    /// The number of queued calls.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Starts the thread that owns `decoder`. The thread's name contains `name`.
    pub fn start(
        name: &str,
        decoder: impl DecoderNetwork,
        tokenizer: Arc<dyn Tokenizer>,
        bounds: GenerateBounds,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(GenerateQueue::new(bounds.queue, QUEUE_BYTES));
        let (waiting, making, lost) = (Arc::clone(&queue), Arc::clone(&tokenizer), decoder.lost());
        std::thread::Builder::new()
            .name(format!("generate {name}").chars().take(15).collect())
            .spawn(move || scheduler::work(&waiting, decoder, making, bounds))?;
        Ok(Self { queue, tokenizer, max_queued_calls: bounds.queue.get(), lost })
    }

    /// Whether the network is lost: a run of it does not end.
    pub fn is_lost(&self) -> bool {
        self.lost.is_lost()
    }

    /// Completes when the network is lost.
    pub async fn lost(&self) {
        self.lost.lost().await;
    }

    /// The largest number of calls that can begin together.
    pub fn max_queued_calls(&self) -> usize {
        self.max_queued_calls
    }

    /// The call for `prompt`, with the log probabilities of `logprobs` alternatives for each token, if given.
    ///
    /// # Errors
    /// [`PromptError::Parameter`] if an option is out of bounds, or the prompt is too long.
    pub fn validate(
        &self,
        cpu: &CpuPermit,
        prompt: &Prompt,
        logprobs: Option<usize>,
    ) -> Result<GenerateCall, PromptError> {
        let refused = |param, message| PromptError::Parameter { param, message };
        prompt.check().map_err(|(param, message)| refused(param, message))?;
        let tokens = self.tokenizer.encode(cpu, &prompt.prompt)?;
        let context = self.tokenizer.context_length();
        let room = context.saturating_sub(tokens.len());
        if tokens.is_empty() || room == 0 {
            let (max, got) = (context.saturating_sub(1), tokens.len());
            return Err(refused("prompt", format!("prompt: expected 1 to {max} tokens, got {got}")));
        }
        let max_new_tokens = match prompt.max_tokens.map(|max| usize::try_from(max).unwrap_or(usize::MAX)) {
            Some(max_new_tokens) if max_new_tokens > room => {
                let (got, prompt) = (max_new_tokens, tokens.len());
                let message = format!(
                    "max_tokens: expected at most {room}, since the model has room for {context} tokens and the prompt has \
                     {prompt}; got {got}"
                );
                return Err(refused("max_tokens", message));
            }
            Some(max_new_tokens) => max_new_tokens,
            None => room.min(usize::try_from(Prompt::DEFAULT_MAX_TOKENS).unwrap_or(usize::MAX)),
        };
        let seed = match prompt.seed {
            Some(seed) => seed,
            None => random_seed()?,
        };
        let sampler = sampling::Sampler::new(prompt.temperature.unwrap_or(1.0), prompt.top_p.unwrap_or(1.0), seed);
        let (stop, delivery, generated) = (prompt.stop.clone(), TextDelivery::Incremental, Arc::default());
        Ok(GenerateCall { prompt: tokens, max_new_tokens, sampler, stop, logprobs, delivery, tenant: None, generated })
    }

    /// Queues all of `calls`, or none of them.
    ///
    /// # Errors
    /// [`RunError::QueueFull`] at once if the queue cannot hold all of them.
    pub fn enqueue(&self, calls: Vec<GenerateCall>) -> Result<Vec<EventStream>, RunError> {
        let permits: Option<Vec<_>> = calls.iter().map(|call| self.queue.try_reserve(call.bytes())).collect();
        let permits = permits.ok_or(RunError::QueueFull)?;
        let (mut entries, mut all) = (Vec::new(), Vec::new());
        for (call, permit) in calls.into_iter().zip(permits) {
            let (reply, events) = unbounded_channel();
            let (prompt_tokens, generated) = (call.prompt.len(), Arc::clone(&call.generated));
            entries.push(QueuedPrompt { call, reply, permit });
            let (queue, lost) = (Arc::clone(&self.queue), self.lost.clone());
            all.push(EventStream { events, queue, prompt_tokens, generated, lost });
        }
        let pushed = self.queue.push(entries);
        pushed.map_err(|queue::QueueClosed| RunError::failed("the generation thread has ended"))?;
        Ok(all)
    }
}

impl Drop for ContinuousBatcher {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The events of a call. Dropping it cancels the call.
pub struct EventStream {
    events: UnboundedReceiver<GenerateEvent>,
    queue: Arc<GenerateQueue>,
    prompt_tokens: usize,
    generated: Arc<AtomicUsize>,
    lost: LostFlag,
}

impl EventStream {
    /// The counter of the generated tokens.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.generated)
    }

    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// The next event. An error or [`GenerateEvent::End`] is the last.
    pub async fn next(&mut self) -> Result<GenerateEvent, RunError> {
        let event = tokio::select! {
            biased;
            event = self.events.recv() => event,
            () = self.lost.lost() => return Err(RunError::Lost),
        };
        match event {
            Some(GenerateEvent::Failed(error)) => Err(error),
            Some(event) => Ok(event),
            None => Err(RunError::failed("the generation thread dropped a call")),
        }
    }
}

/// A finished text.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedText {
    /// The text.
    pub text: String,
    /// Its tokens, if log probabilities were asked for.
    pub tokens: Vec<TokenLogprob>,
    /// Why the text ends.
    pub reason: FinishReason,
    /// Tokens generated.
    pub generated: usize,
}

impl EventStream {
    /// Waits for the end and returns the whole text.
    ///
    /// # Errors
    /// [`RunError`] if the text could not be generated.
    pub async fn collect(&mut self) -> Result<GeneratedText, RunError> {
        let (mut text, mut tokens) = (String::new(), Vec::new());
        loop {
            match self.next().await? {
                GenerateEvent::Piece { text: more, tokens: more_tokens, .. } => {
                    text += &more;
                    tokens.extend(more_tokens);
                }
                GenerateEvent::End { reason, generated } => {
                    return Ok(GeneratedText { text, tokens, reason, generated });
                }
                GenerateEvent::Failed(error) => return Err(error),
            }
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.events.close();
        self.queue.drop_cancelled();
    }
}

fn random_seed() -> Result<i64, PromptError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|_| PromptError::Internal { internal: "the operating system gave no randomness".to_owned() })?;
    Ok(i64::from_le_bytes(seed))
}

/// The largest number of bytes of queued calls: 1,024 calls with prompts of 8,000 tokens each.
const QUEUE_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests;
