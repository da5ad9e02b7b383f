//! One call under way: its tokens so far, and what its caller is told of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amaas_wire::task::FinishReason;
use tokio::sync::mpsc::UnboundedSender;

use super::Tokenizer;
use super::choose::{self, Chances};
use super::names::Names;
use super::text::{self, Stops, Text};
use super::{Call, Event, Telling, Told};
use crate::error::RunError;

/// A call under way.
pub(super) struct Sequence {
    generator: Arc<dyn Tokenizer>,
    reply: UnboundedSender<Event>,
    chances: Chances,
    text: Text,
    stops: Stops,
    logprobs: Option<usize>,
    telling: Telling,
    /// What is told at the end.
    kept: (String, Vec<Told>),
    /// Tokens whose text is held back.
    untold: Vec<Told>,
    /// Characters of text so far, and of those that were told.
    characters: (usize, usize),
    made: usize,
    /// The same, for who counts the call where its caller goes.
    told_made: Arc<AtomicUsize>,
    most: usize,
    /// The token that the next step reads.
    pub(super) last: i64,
    /// What the call takes of the bound on pasts.
    pub(super) past_bytes: usize,
    /// Whose it is, where somebody said so.
    pub(super) tenant: Option<Arc<str>>,
}

/// Whether a sequence goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goes {
    On,
    /// Its caller has been told the end.
    Ended,
}

impl Sequence {
    /// The sequence of `call`, and the prompt that has to be read first.
    pub(super) fn new(
        call: Call,
        reply: UnboundedSender<Event>,
        generator: Arc<dyn Tokenizer>,
        past_bytes: usize,
    ) -> (Self, Vec<i64>) {
        let Call { prompt, most, chances, stop, logprobs, telling, tenant, made: told_made } = call;
        let sequence = Self {
            generator,
            reply,
            chances,
            text: Text::behind(&prompt),
            stops: Stops::new(stop),
            logprobs,
            telling,
            kept: (String::new(), Vec::new()),
            untold: Vec::new(),
            characters: (0, 0),
            made: 0,
            told_made,
            most,
            last: 0,
            past_bytes,
            tenant,
        };
        (sequence, prompt)
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    /// Takes the next token from `logits`, and tells what there is to tell.
    pub(super) fn take(&mut self, logits: &[f32]) -> Goes {
        match self.next(logits) {
            Ok(goes) => goes,
            Err(error) => {
                self.fail(error);
                Goes::Ended
            }
        }
    }

    /// Ends it with an error.
    pub(super) fn fail(&self, error: RunError) {
        let _ = self.reply.send(Event::Failed(error));
    }

    fn next(&mut self, logits: &[f32]) -> Result<Goes, RunError> {
        let chosen = self.chances.choose(logits)?;
        let token = i64::try_from(chosen).unwrap_or(i64::MAX);
        self.made += 1;
        self.told_made.store(self.made, Ordering::Relaxed);
        if self.generator.is_end(token) {
            return self.end(FinishReason::Stop);
        }
        let told = match self.logprobs {
            Some(count) => Some(self.told(logits, chosen, count)?),
            None => None,
        };
        let more = self.text.push(token, &*self.generator)?;
        self.untold.extend(told.map(|told| Told { adds: !more.is_empty(), offset: self.characters.0, ..told }));
        self.characters.0 += more.chars().count();
        self.last = token;
        match self.stops.push(&more) {
            text::Told::Last(text) => {
                self.tell(text);
                return self.finish(FinishReason::Stop);
            }
            text::Told::More(text) => self.tell(text),
        }
        if self.made == self.most { self.end(FinishReason::Length) } else { Ok(Goes::On) }
    }

    /// Tells what is left, and the end.
    fn end(&mut self, reason: FinishReason) -> Result<Goes, RunError> {
        let rest = self.text.rest(&*self.generator)?;
        let (reason, text) = match self.stops.push(&rest) {
            text::Told::Last(text) => (FinishReason::Stop, text),
            text::Told::More(text) => (reason, text + &self.stops.rest()),
        };
        self.characters.0 += rest.chars().count();
        self.tell(text);
        self.finish(reason)
    }

    #[allow(clippy::unnecessary_wraps)] // reads well as the end of what can fail
    fn finish(&mut self, reason: FinishReason) -> Result<Goes, RunError> {
        let (text, tokens) = std::mem::take(&mut self.kept);
        self.send(text, tokens);
        let _ = self.reply.send(Event::End { reason, made: self.made });
        Ok(Goes::Ended)
    }

    /// Tells `text`, with the tokens that begin in it; one that adds nothing belongs to what stands before it.
    fn tell(&mut self, text: String) {
        self.characters.1 += text.chars().count();
        let told = self.characters.1;
        let held = self.untold.iter().position(|token| token.offset >= told && token.adds);
        let tokens: Vec<_> = self.untold.drain(..held.unwrap_or(self.untold.len())).collect();
        match self.telling {
            Telling::AsItComes => self.send(text, tokens),
            Telling::AtTheEnd => {
                self.kept.0 += &text;
                self.kept.1.extend(tokens);
            }
        }
    }

    fn send(&self, text: String, tokens: Vec<Told>) {
        if !text.is_empty() || !tokens.is_empty() {
            let _ = self.reply.send(Event::Piece { text, tokens, made: self.made });
        }
    }

    /// The chance of `chosen` and of the `count` most probable tokens.
    fn told(&self, logits: &[f32], chosen: usize, count: usize) -> Result<Told, RunError> {
        let best = choose::most_probable(logits, count);
        let mut chances = choose::logprobs(logits, std::iter::once(chosen).chain(best.iter().copied())).into_iter();
        let logprob = chances.next().unwrap_or_default();
        let mut names = Names::default();
        let name = names.of(chosen, &self.text, &*self.generator)?;
        let top = best
            .iter()
            .zip(chances)
            .map(|(token, chance)| Ok((names.of(*token, &self.text, &*self.generator)?, chance)));
        Ok(Told { top: top.collect::<Result<_, RunError>>()?, name, adds: false, offset: 0, logprob })
    }
}
