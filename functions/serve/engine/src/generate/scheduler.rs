//! The generation thread: a scheduler for continuous batching.
//!
//! Invariant: when the thread ends, for whatever reason, the queue is closed and empty, so that no caller waits for an
//! end that cannot come.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Tokenizer;
use super::cohort::{Cohort, join};
use super::queue::{GenerateQueue, QueueClosed, QueuedPrompt, WhenEmpty};
use super::sequence::{Sequence, SequenceState};
use super::{DecoderNetwork, GenerateBounds, GenerateCall};
use crate::error::RunError;

/// Answers queued calls until the queue is closed and empty, and every call has ended.
#[allow(clippy::needless_pass_by_value)] // the thread owns it
pub(super) fn work(
    queue: &GenerateQueue,
    decoder: impl DecoderNetwork,
    tokenizer: Arc<dyn Tokenizer>,
    bounds: GenerateBounds,
) {
    let _abandon_on_exit = AbandonOnExit(queue);
    let mut scheduler = Scheduler { decoder, prefills: VecDeque::new(), cohorts: Vec::new() };
    loop {
        if !scheduler.admit(queue, &tokenizer, bounds) && scheduler.running() == 0 {
            return;
        }
        // A panic ends the running sequences, but not the thread.
        if catch_unwind(AssertUnwindSafe(|| scheduler.step())).is_err() {
            scheduler.fail(&RunError::failed("the run panicked".to_owned()));
        }
    }
}

/// The prefills and decoding sequences of a network.
struct Scheduler<D: DecoderNetwork> {
    decoder: D,
    prefills: VecDeque<Prefill<D::KvCache>>,
    cohorts: Vec<Cohort<D::KvCache>>,
}

/// A sequence in prefill.
struct Prefill<C> {
    sequence: Sequence,
    prompt: Vec<i64>,
    prefilled: usize,
    cache: Option<C>,
}

impl<D: DecoderNetwork> Scheduler<D> {
    /// Admits queued calls while the bounds allow it. If no sequence is running, it waits for a call. False if there
    /// will be no more calls.
    fn admit(&mut self, queue: &GenerateQueue, tokenizer: &Arc<dyn Tokenizer>, bounds: GenerateBounds) -> bool {
        let token_bytes = self.decoder.token_bytes();
        let bytes =
            |call: &GenerateCall| call.prompt.len().saturating_add(call.max_new_tokens).saturating_mul(token_bytes);
        loop {
            let running = self.running();
            if running >= bounds.sequences.get() {
                return true;
            }
            let used: usize = self.sequences().map(|sequence| sequence.cache_bytes).sum();
            let fits = |call: &GenerateCall| running == 0 || used.saturating_add(bytes(call)) <= bounds.max_cache_bytes;
            let when_empty = if running == 0 { WhenEmpty::Wait } else { WhenEmpty::Return };
            match queue.take(when_empty, fits) {
                Ok(Some(QueuedPrompt { call, reply, permit })) => {
                    drop(permit);
                    let bytes = bytes(&call);
                    let (sequence, prompt) = Sequence::new(call, reply, Arc::clone(tokenizer), bytes);
                    self.prefills.push_back(Prefill { sequence, prompt, prefilled: 0, cache: None });
                }
                Ok(None) => return true,
                Err(QueueClosed) => return false,
            }
        }
    }

    /// Prefills a chunk of a prompt, or several short prompts, and decodes one token of each other sequence.
    fn step(&mut self) {
        self.prefills.retain(|prefill| !prefill.sequence.is_cancelled());
        // Short prompts that arrive together are prefilled in one iteration; those of one length share their steps from
        // then on. Chunk boundaries do not depend on other prompts, since that would change the order of rounding.
        let mut read = 0;
        while read < MAX_PREFILL_CHUNK
            && let Some(mut prefill) = self.prefills.pop_front()
        {
            let before = prefill.prefilled;
            let logits = prefill.run_chunk(&mut self.decoder);
            read += prefill.prefilled - before;
            match logits {
                Ok(None) => self.prefills.push_front(prefill),
                Ok(Some(logits)) => self.cohorts.extend(prefill.into_cohort(&logits)),
                Err(error) => prefill.sequence.fail(error),
            }
        }
        join(&mut self.cohorts, &mut self.decoder);
        for cohort in &mut self.cohorts {
            cohort.step(&mut self.decoder);
        }
        self.cohorts.retain(|cohort| !cohort.members.is_empty());
    }

    fn running(&self) -> usize {
        self.sequences().count()
    }

    fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        let prefill = self.prefills.iter().map(|prefill| &prefill.sequence);
        prefill.chain(self.cohorts.iter().flat_map(|cohort| &cohort.members))
    }

    fn fail(&mut self, error: &RunError) {
        self.sequences().for_each(|sequence| sequence.fail(error.clone()));
        self.prefills.clear();
        self.cohorts.clear();
    }
}

impl<C: Send> Prefill<C> {
    /// Prefills the next chunk; the logits after the last one.
    fn run_chunk<D: DecoderNetwork<KvCache = C>>(&mut self, decoder: &mut D) -> Result<Option<Vec<f32>>, RunError> {
        let end = self.prompt.len().min(self.prefilled + MAX_PREFILL_CHUNK);
        let (logits, cache) = decoder.step(&[self.prompt[self.prefilled..end].to_vec()], self.cache.take())?;
        (self.prefilled, self.cache) = (end, Some(cache));
        if end < self.prompt.len() {
            return Ok(None);
        }
        let logits = logits.into_iter().next();
        logits.map(Some).ok_or_else(|| RunError::failed("the network gave no logits".to_owned()))
    }

    /// The batch group of this sequence alone, unless its first token is its last.
    fn into_cohort(mut self, logits: &[f32]) -> Option<Cohort<C>> {
        match self.sequence.accept(logits) {
            SequenceState::Running => Some(Cohort::of(self.sequence, self.prefilled, self.cache?)),
            SequenceState::Finished => None,
        }
    }
}

/// Abandons the queue when the thread ends.
struct AbandonOnExit<'a>(&'a GenerateQueue);

impl Drop for AbandonOnExit<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The largest number of prompt tokens in one iteration, which delays the decoding of all other sequences.
const MAX_PREFILL_CHUNK: usize = 128;
