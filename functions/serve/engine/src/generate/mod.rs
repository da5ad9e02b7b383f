//! Prompts → tokens, one step after the other: the counterpart of `infer` for networks that take back what they gave.
//!
//! One thread owns the network. In each round it takes what waits, reads a piece of a prompt, and makes one token of every
//! sequence under way: sequences join and leave between steps, and who hangs up is left out of the next. Sequences whose pasts
//! have one length share a run, where the network's rows are proven independent and publishing found that rows run together are the
//! same to the last bit (`publish/decode.rs`). Where the owner of a network takes less for enough, those of one tenant do.
//! Others are run one after the other, and not padded to one length: padding moves the places at which sums are rounded, and a
//! text would then depend on what else happens to be made at the time.
//!
//! Bounded are the sequences under way, the tokens that their pasts may have, and the calls that wait and their bytes; a full queue
//! refuses at once.
//!
//! Invariant: each call gets one end, a finish or an error, unless its caller has gone.
//! Invariant: what a call is answered depends on its prompt, options and seed, and on no call of another tenant; on no other call at
//! all, unless the owner of the network let calls of one tenant share runs (`Batching::SameTenant`).

mod choose;
mod cohort;
mod contract;
mod error;
mod names;
mod queue;
mod sequence;
mod text;
mod tokenizer;
mod worker;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use amaas_wire::task::{FinishReason, Prompt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub use self::choose::most_probable_token;
pub use self::contract::{CacheTensor, Contract, TensorNames};
pub use self::error::PromptError;
use self::queue::{Entry, Queue};
pub use self::tokenizer::Tokenizer;
use crate::batching::Sharing;
use crate::cpu::Working;
use crate::error::RunError;
use crate::infer::Lost;

/// A network that makes tokens.
pub trait Decoder: Send + 'static {
    /// What the tokens so far of one row or more left in the network; all rows have as many.
    type Past: Send;

    /// Runs `new` tokens, as many in each row, behind `past`: the logits behind the last token of each row, and the new past.
    fn step(&mut self, new: &[Vec<i64>], past: Option<Self::Past>) -> Result<(Vec<Vec<f32>>, Self::Past), RunError>;

    /// The past of the rows that are named of each of `pasts`, all of one length, in this order.
    fn gather(&mut self, pasts: &[(&Self::Past, &[usize])]) -> Result<Self::Past, RunError>;

    /// Which calls may share a run.
    fn sharing(&self) -> Sharing;

    /// Bytes of past that a token has.
    fn token_bytes(&self) -> usize;

    /// Whether the network was given up, since a run of it does not end.
    fn lost(&self) -> Lost {
        Lost::default()
    }
}

/// Goes on with texts, by a network that a thread of its own holds. Dropping it ends the thread when every call has its end.
pub struct Generate {
    queue: Arc<Queue>,
    generator: Arc<dyn Tokenizer>,
    places: usize,
    lost: Lost,
}

/// The bounds of a generator.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most sequences under way.
    pub sequences: NonZeroUsize,
    /// The most calls that wait.
    pub queue: NonZeroUsize,
    /// The most bytes that the pasts of sequences under way may come to; a single one may have more.
    pub past_bytes: usize,
}

/// A call that a generator takes.
pub struct Call {
    prompt: Vec<i64>,
    /// The most tokens to make.
    most: usize,
    chances: choose::Chances,
    stop: Vec<String>,
    logprobs: Option<usize>,
    telling: Telling,
    /// Whose it is, where somebody said so.
    tenant: Option<Arc<str>>,
    /// Tokens that were made so far, for who counts them where the caller goes.
    made: Arc<AtomicUsize>,
}

impl Call {
    /// Bytes that the call takes while it waits.
    fn bytes(&self) -> usize {
        let stops = self.stop.iter().map(|stop| stop.len() + size_of::<String>()).sum::<usize>();
        size_of::<Entry>() + self.prompt.len() * size_of::<i64>() + stops
    }

    /// The most tokens that go through the network, of the prompt and behind it.
    pub fn tokens_at_most(&self) -> u64 {
        (self.prompt.len() + self.most) as u64
    }

    /// The same, as a call of `tenant`. One of which nobody says whose it is shares no run where tenants are held apart.
    #[must_use]
    pub fn of(self, tenant: &str) -> Self {
        Self { tenant: Some(tenant.into()), ..self }
    }

    /// The same call, whose caller is told `telling`.
    #[must_use]
    pub fn told(self, telling: Telling) -> Self {
        Self { telling, ..self }
    }
}

/// When a caller is told of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Piece by piece, as it is made.
    AsItComes,
    /// All of it at its end: whoever is woken for each token takes time from those who make them.
    AtTheEnd,
}

/// What comes of a call.
#[derive(Debug)]
pub enum Event {
    /// More text, with the tokens whose text it is, and how many were made so far.
    Piece {
        /// The text.
        text: String,
        /// Its tokens, if log probabilities were asked for.
        tokens: Vec<Told>,
        /// Tokens generated so far.
        made: usize,
    },
    /// The end: so many tokens were made.
    End {
        /// Why the text ends.
        reason: FinishReason,
        /// Tokens generated.
        made: usize,
    },
    /// It failed.
    Failed(RunError),
}

/// A token, where its chances were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What it is called: what it adds to the text, where that tells it from others.
    pub name: String,
    /// Whether it added anything to the text.
    pub adds: bool,
    /// Where that begins, in characters.
    pub offset: usize,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// The most probable tokens in its place, each with a name of its own.
    pub top: Vec<(String, f64)>,
}

impl Generate {
    /// Calls that wait to be begun.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Starts the thread that holds `decoder`; `name` stands in its name.
    pub fn start(
        name: &str,
        decoder: impl Decoder,
        generator: Arc<dyn Tokenizer>,
        bounds: Bounds,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(bounds.queue, QUEUE_BYTES));
        let (waiting, making, lost) = (Arc::clone(&queue), Arc::clone(&generator), decoder.lost());
        std::thread::Builder::new()
            .name(format!("generate {name}").chars().take(15).collect())
            .spawn(move || worker::work(&waiting, decoder, making, bounds))?;
        Ok(Self { queue, generator, places: bounds.queue.get(), lost })
    }

    /// Whether a run of the network does not end.
    pub fn is_lost(&self) -> bool {
        self.lost.is_lost()
    }

    /// Done when a run of the network does not end.
    pub async fn lost(&self) {
        self.lost.lost().await;
    }

    /// The most calls that can be begun together.
    pub fn places(&self) -> usize {
        self.places
    }

    /// The call for `prompt`, which tells `logprobs` tokens beside each where they are asked for.
    ///
    /// # Errors
    /// [`PromptError::Parameter`] where an option is out of bounds, or the prompt too long.
    pub fn call(&self, working: &Working, prompt: &Prompt, logprobs: Option<usize>) -> Result<Call, PromptError> {
        let refused = |param, message| PromptError::Parameter { param, message };
        prompt.check().map_err(|(param, message)| refused(param, message))?;
        let tokens = self.generator.encode(working, &prompt.prompt)?;
        let context = self.generator.context_length();
        let room = context.saturating_sub(tokens.len());
        if tokens.is_empty() || room == 0 {
            let (most, got) = (context.saturating_sub(1), tokens.len());
            return Err(refused("prompt", format!("prompt: expected 1 to {most} tokens, got {got}")));
        }
        let most = match prompt.max_tokens.map(|most| usize::try_from(most).unwrap_or(usize::MAX)) {
            Some(most) if most > room => {
                let (got, prompt) = (most, tokens.len());
                let message = format!(
                    "max_tokens: expected at most {room}, since the model has room for {context} tokens and the prompt has \
                     {prompt}; got {got}"
                );
                return Err(refused("max_tokens", message));
            }
            Some(most) => most,
            None => room.min(usize::try_from(Prompt::DEFAULT_MAX_TOKENS).unwrap_or(usize::MAX)),
        };
        let seed = match prompt.seed {
            Some(seed) => seed,
            None => random_seed()?,
        };
        let chances = choose::Chances::new(prompt.temperature.unwrap_or(1.0), prompt.top_p.unwrap_or(1.0), seed);
        let (stop, telling, made) = (prompt.stop.clone(), Telling::AsItComes, Arc::default());
        Ok(Call { prompt: tokens, most, chances, stop, logprobs, telling, tenant: None, made })
    }

    /// Begins `calls` together, or none of them.
    ///
    /// # Errors
    /// [`RunError::QueueFull`] at once where there is no place for all.
    pub fn begin(&self, calls: Vec<Call>) -> Result<Vec<Events>, RunError> {
        let places: Option<Vec<_>> = calls.iter().map(|call| self.queue.place(call.bytes())).collect();
        let places = places.ok_or(RunError::QueueFull)?;
        let (mut entries, mut all) = (Vec::new(), Vec::new());
        for (call, place) in calls.into_iter().zip(places) {
            let (reply, coming) = unbounded_channel();
            let (prompt_tokens, made) = (call.prompt.len(), Arc::clone(&call.made));
            entries.push(Entry { call, reply, place });
            let (queue, lost) = (Arc::clone(&self.queue), self.lost.clone());
            all.push(Events { coming, queue, prompt_tokens, made, lost });
        }
        let pushed = self.queue.push(entries);
        pushed.map_err(|queue::Closed| RunError::failed("the generating thread has ended"))?;
        Ok(all)
    }
}

impl Drop for Generate {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What comes of a call, as it comes. Dropping it gives the call up: no token more is made of it.
pub struct Events {
    coming: UnboundedReceiver<Event>,
    queue: Arc<Queue>,
    prompt_tokens: usize,
    made: Arc<AtomicUsize>,
    lost: Lost,
}

impl Events {
    /// What counts the tokens that were made so far.
    pub fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.made)
    }

    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// The next; an error is the last, and so is [`Event::End`].
    pub async fn next(&mut self) -> Result<Event, RunError> {
        let event = tokio::select! {
            biased;
            event = self.coming.recv() => event,
            () = self.lost.lost() => return Err(RunError::Lost),
        };
        match event {
            Some(Event::Failed(error)) => Err(error),
            Some(event) => Ok(event),
            None => Err(RunError::failed("the generating thread dropped a call")),
        }
    }
}

/// A text that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed {
    /// The text.
    pub text: String,
    /// Its tokens, if log probabilities were asked for.
    pub tokens: Vec<Told>,
    /// Why it ends.
    pub reason: FinishReason,
    /// Tokens that were generated.
    pub generated: usize,
}

impl Events {
    /// All of the text, when it has ended.
    ///
    /// # Errors
    /// [`RunError`] if the text could not be generated.
    pub async fn whole(&mut self) -> Result<Completed, RunError> {
        let (mut text, mut tokens) = (String::new(), Vec::new());
        loop {
            match self.next().await? {
                Event::Piece { text: more, tokens: of_it, .. } => {
                    text += &more;
                    tokens.extend(of_it);
                }
                Event::End { reason, made } => return Ok(Completed { text, tokens, reason, generated: made }),
                Event::Failed(error) => return Err(error),
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.coming.close();
        self.queue.forget_gone();
    }
}

fn random_seed() -> Result<i64, PromptError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|_| PromptError::Internal { internal: "the operating system gave no randomness".to_owned() })?;
    Ok(i64::from_le_bytes(seed))
}

/// The most bytes of calls that wait: 1,024 of them with prompts of 8,000 tokens each.
const QUEUE_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests;
