//! A running sequence: its tokens so far, and the text delivered to its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amaas_wire::task::FinishReason;
use tokio::sync::mpsc::UnboundedSender;

use super::Tokenizer;
use super::detokenizer::{IncrementalDetokenizer, StopMatcher, StopOutput};
use super::sampling::{self, Sampler};
use super::token_names::TokenNames;
use super::{GenerateCall, GenerateEvent, TextDelivery, TokenLogprob};
use crate::error::RunError;

/// A running call.
pub(super) struct Sequence {
    tokenizer: Arc<dyn Tokenizer>,
    reply: UnboundedSender<GenerateEvent>,
    sampler: Sampler,
    text: IncrementalDetokenizer,
    stops: StopMatcher,
    logprobs: Option<usize>,
    delivery: TextDelivery,
    /// Text and tokens that are delivered at the end.
    held_text: (String, Vec<TokenLogprob>),
    /// Tokens whose text is held back.
    undelivered: Vec<TokenLogprob>,
    /// Characters generated and characters delivered.
    characters: (usize, usize),
    generated: usize,
    /// The same number, shared with the meter.
    generated_counter: Arc<AtomicUsize>,
    max_new_tokens: usize,
    /// The input token of the next step.
    pub(super) last: i64,
    /// KV cache bytes reserved for the sequence.
    pub(super) cache_bytes: usize,
    /// The tenant, if known.
    pub(super) tenant: Option<Arc<str>>,
}

/// Whether a sequence goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SequenceState {
    Running,
    /// Its caller has got the end.
    Finished,
}

impl Sequence {
    /// The sequence of `call`, and its prompt, which has to be prefilled.
    pub(super) fn new(
        call: GenerateCall,
        reply: UnboundedSender<GenerateEvent>,
        tokenizer: Arc<dyn Tokenizer>,
        cache_bytes: usize,
    ) -> (Self, Vec<i64>) {
        let GenerateCall {
            prompt,
            max_new_tokens,
            sampler,
            stop,
            logprobs,
            delivery,
            tenant,
            generated: generated_counter,
        } = call;
        let sequence = Self {
            tokenizer,
            reply,
            sampler,
            text: IncrementalDetokenizer::after(&prompt),
            stops: StopMatcher::new(stop),
            logprobs,
            delivery,
            held_text: (String::new(), Vec::new()),
            undelivered: Vec::new(),
            characters: (0, 0),
            generated: 0,
            generated_counter,
            max_new_tokens,
            last: 0,
            cache_bytes,
            tenant,
        };
        (sequence, prompt)
    }

    /// Whether the caller is gone.
    pub(super) fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }

    /// Samples the next token from `logits`, and delivers text.
    pub(super) fn accept(&mut self, logits: &[f32]) -> SequenceState {
        match self.next(logits) {
            Ok(state) => state,
            Err(error) => {
                self.fail(error);
                SequenceState::Finished
            }
        }
    }

    /// Ends the sequence with an error.
    pub(super) fn fail(&self, error: RunError) {
        let _ = self.reply.send(GenerateEvent::Failed(error));
    }

    fn next(&mut self, logits: &[f32]) -> Result<SequenceState, RunError> {
        let chosen = self.sampler.sample(logits)?;
        let token = i64::try_from(chosen).unwrap_or(i64::MAX);
        self.generated += 1;
        self.generated_counter.store(self.generated, Ordering::Relaxed);
        if self.tokenizer.is_end(token) {
            return self.end(FinishReason::Stop);
        }
        let logprob = match self.logprobs {
            Some(count) => Some(self.token_logprob(logits, chosen, count)?),
            None => None,
        };
        let more = self.text.push(token, &*self.tokenizer)?;
        self.undelivered.extend(logprob.map(|logprob| TokenLogprob {
            adds: !more.is_empty(),
            offset: self.characters.0,
            ..logprob
        }));
        self.characters.0 += more.chars().count();
        self.last = token;
        match self.stops.push(&more) {
            StopOutput::Stopped(text) => {
                self.deliver(text);
                return self.finish(FinishReason::Stop);
            }
            StopOutput::Continue(text) => self.deliver(text),
        }
        if self.generated == self.max_new_tokens { self.end(FinishReason::Length) } else { Ok(SequenceState::Running) }
    }

    /// Delivers the remaining text and the end.
    fn end(&mut self, reason: FinishReason) -> Result<SequenceState, RunError> {
        let rest = self.text.rest(&*self.tokenizer)?;
        let (reason, text) = match self.stops.push(&rest) {
            StopOutput::Stopped(text) => (FinishReason::Stop, text),
            StopOutput::Continue(text) => (reason, text + &self.stops.rest()),
        };
        self.characters.0 += rest.chars().count();
        self.deliver(text);
        self.finish(reason)
    }

    #[allow(clippy::unnecessary_wraps)] // the callers return its result
    fn finish(&mut self, reason: FinishReason) -> Result<SequenceState, RunError> {
        let (text, tokens) = std::mem::take(&mut self.held_text);
        self.send(text, tokens);
        let _ = self.reply.send(GenerateEvent::End { reason, generated: self.generated });
        Ok(SequenceState::Finished)
    }

    /// Delivers `text` with the tokens that begin in it. A token without text belongs to the text before it.
    fn deliver(&mut self, text: String) {
        self.characters.1 += text.chars().count();
        let delivered = self.characters.1;
        let held = self.undelivered.iter().position(|token| token.offset >= delivered && token.adds);
        let tokens: Vec<_> = self.undelivered.drain(..held.unwrap_or(self.undelivered.len())).collect();
        match self.delivery {
            TextDelivery::Incremental => self.send(text, tokens),
            TextDelivery::AtEnd => {
                self.held_text.0 += &text;
                self.held_text.1.extend(tokens);
            }
        }
    }

    fn send(&self, text: String, tokens: Vec<TokenLogprob>) {
        if !text.is_empty() || !tokens.is_empty() {
            let _ = self.reply.send(GenerateEvent::Piece { text, tokens, generated: self.generated });
        }
    }

    /// The log probability of `chosen` and of the `count` most probable tokens.
    fn token_logprob(&self, logits: &[f32], chosen: usize, count: usize) -> Result<TokenLogprob, RunError> {
        let best = sampling::most_probable(logits, count);
        let mut logprobs = sampling::logprobs(logits, std::iter::once(chosen).chain(best.iter().copied())).into_iter();
        let logprob = logprobs.next().unwrap_or_default();
        let mut token_names = TokenNames::default();
        let name = token_names.of(chosen, &self.text, &*self.tokenizer)?;
        let top = best
            .iter()
            .zip(logprobs)
            .map(|(token, logprob)| Ok((token_names.of(*token, &self.text, &*self.tokenizer)?, logprob)));
        Ok(TokenLogprob { top: top.collect::<Result<_, RunError>>()?, name, adds: false, offset: 0, logprob })
    }
}
