//! The thread that owns a network which makes tokens.
//!
//! Invariant: when the thread ends, however it ends, the queue is closed and empty, so that nobody waits for an end that cannot
//! come.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Tokenizer;
use super::cohort::{Cohort, join};
use super::queue::{Closed, Entry, Idle, Queue};
use super::sequence::{Goes, Sequence};
use super::{Bounds, Call, Decoder};
use crate::error::RunError;

/// Answers what is queued until the queue is closed and empty, and every call has its end.
#[allow(clippy::needless_pass_by_value)] // the thread has it for itself
pub(super) fn work(queue: &Queue, decoder: impl Decoder, generator: Arc<dyn Tokenizer>, bounds: Bounds) {
    let _ended = Ended(queue);
    let mut round = Round { decoder, reading: VecDeque::new(), cohorts: Vec::new() };
    loop {
        if !round.begin(queue, &generator, bounds) && round.under_way() == 0 {
            return;
        }
        // A panic ends the sequences that were under way, not the thread that every later call needs.
        if catch_unwind(AssertUnwindSafe(|| round.step())).is_err() {
            round.fail(&RunError::failed("the run panicked".to_owned()));
        }
    }
}

/// What is under way.
struct Round<D: Decoder> {
    decoder: D,
    reading: VecDeque<Reading<D::Past>>,
    cohorts: Vec<Cohort<D::Past>>,
}

/// A sequence whose prompt is being read.
struct Reading<P> {
    sequence: Sequence,
    prompt: Vec<i64>,
    read: usize,
    past: Option<P>,
}

impl<D: Decoder> Round<D> {
    /// Takes what waits and has room; where nothing is under way, waits for a call. False when there will be no more.
    fn begin(&mut self, queue: &Queue, generator: &Arc<dyn Tokenizer>, bounds: Bounds) -> bool {
        let token_bytes = self.decoder.token_bytes();
        let bytes = |call: &Call| call.prompt.len().saturating_add(call.most).saturating_mul(token_bytes);
        loop {
            let under_way = self.under_way();
            if under_way >= bounds.sequences.get() {
                return true;
            }
            let used: usize = self.sequences().map(|sequence| sequence.past_bytes).sum();
            let fits = |call: &Call| under_way == 0 || used.saturating_add(bytes(call)) <= bounds.past_bytes;
            let idle = if under_way == 0 { Idle::Wait } else { Idle::Busy };
            match queue.take(idle, fits) {
                Ok(Some(Entry { call, reply, place })) => {
                    drop(place);
                    let bytes = bytes(&call);
                    let (sequence, prompt) = Sequence::new(call, reply, Arc::clone(generator), bytes);
                    self.reading.push_back(Reading { sequence, prompt, read: 0, past: None });
                }
                Ok(None) => return true,
                Err(Closed) => return false,
            }
        }
    }

    /// Reads a piece of a prompt, or some short ones, and makes one token of each sequence whose prompt has been read.
    fn step(&mut self) {
        self.reading.retain(|reading| !reading.sequence.is_gone());
        // Short prompts that came together are read in one round, and those of one length share their steps from then on. Where a
        // prompt is cut does not depend on others, for that would move the places at which sums are rounded.
        let mut read = 0;
        while read < PIECE
            && let Some(mut reading) = self.reading.pop_front()
        {
            let before = reading.read;
            let piece = reading.piece(&mut self.decoder);
            read += reading.read - before;
            match piece {
                Ok(None) => self.reading.push_front(reading),
                Ok(Some(logits)) => self.cohorts.extend(reading.begun(&logits)),
                Err(error) => reading.sequence.fail(error),
            }
        }
        join(&mut self.cohorts, &mut self.decoder);
        for cohort in &mut self.cohorts {
            cohort.step(&mut self.decoder);
        }
        self.cohorts.retain(|cohort| !cohort.members.is_empty());
    }

    fn under_way(&self) -> usize {
        self.sequences().count()
    }

    fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        let reading = self.reading.iter().map(|reading| &reading.sequence);
        reading.chain(self.cohorts.iter().flat_map(|cohort| &cohort.members))
    }

    fn fail(&mut self, error: &RunError) {
        self.sequences().for_each(|sequence| sequence.fail(error.clone()));
        self.reading.clear();
        self.cohorts.clear();
    }
}

impl<P: Send> Reading<P> {
    /// Reads the next piece; the logits behind the last one.
    fn piece<D: Decoder<Past = P>>(&mut self, decoder: &mut D) -> Result<Option<Vec<f32>>, RunError> {
        let end = self.prompt.len().min(self.read + PIECE);
        let (logits, past) = decoder.step(&[self.prompt[self.read..end].to_vec()], self.past.take())?;
        (self.read, self.past) = (end, Some(past));
        if end < self.prompt.len() {
            return Ok(None);
        }
        let logits = logits.into_iter().next();
        logits.map(Some).ok_or_else(|| RunError::failed("the network gave no logits".to_owned()))
    }

    /// The cohort of this sequence alone, unless its first token is its last.
    fn begun(mut self, logits: &[f32]) -> Option<Cohort<P>> {
        match self.sequence.take(logits) {
            Goes::On => Some(Cohort::of(self.sequence, self.read, self.past?)),
            Goes::Ended => None,
        }
    }
}

/// Leaves nobody waiting behind the thread.
struct Ended<'a>(&'a Queue);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Tokens of prompts that are read at once: the others' next token waits for them.
const PIECE: usize = 128;
