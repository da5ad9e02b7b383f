//! Batch groups of decoding sequences: all of one length, so that they step together.

use std::sync::Arc;

use super::DecoderNetwork;
use super::sequence::{Sequence, SequenceState};
use crate::batching::RunSharing;
use crate::error::RunError;

/// A batch group: sequences with KV caches of one length. Row i of the cache belongs to member i.
pub(super) struct Cohort<C> {
    pub(super) length: usize,
    pub(super) members: Vec<Sequence>,
    cache: Option<C>,
}

impl<C: Send> Cohort<C> {
    /// A group of one sequence, after its prefill.
    pub(super) fn of(sequence: Sequence, length: usize, cache: C) -> Self {
        Self { length, members: vec![sequence], cache: Some(cache) }
    }

    /// The tenant of the first member.
    fn tenant(&self) -> Option<&Arc<str>> {
        self.members.first().and_then(|sequence| sequence.tenant.as_ref())
    }

    /// Whether all members of both groups may share a run.
    fn may_join(&self, other: &Self, sharing: RunSharing) -> bool {
        match sharing {
            RunSharing::All => true,
            RunSharing::SameTenant => self.tenant().is_some() && self.tenant() == other.tenant(),
            RunSharing::None => false,
        }
    }

    /// Decodes one token of each member, and removes finished and cancelled ones.
    pub(super) fn step<D: DecoderNetwork<KvCache = C>>(&mut self, decoder: &mut D) {
        if let Err(error) = self.try_step(decoder) {
            self.members.drain(..).for_each(|sequence| sequence.fail(error.clone()));
        }
    }

    fn try_step<D: DecoderNetwork<KvCache = C>>(&mut self, decoder: &mut D) -> Result<(), RunError> {
        let gone: Vec<bool> = self.members.iter().map(Sequence::is_cancelled).collect();
        self.remove(&gone, decoder)?;
        if self.members.is_empty() {
            return Ok(());
        }
        let new: Vec<Vec<i64>> = self.members.iter().map(|sequence| vec![sequence.last]).collect();
        let (logits, cache) = decoder.step(&new, self.cache.take())?;
        (self.cache, self.length) = (Some(cache), self.length + 1);
        if logits.len() != self.members.len() {
            return Err(RunError::failed("the network gave logits of another number of rows".to_owned()));
        }
        let taken = self.members.iter_mut().zip(&logits).map(|(sequence, logits)| sequence.accept(logits));
        let ended: Vec<bool> = taken.map(|state| state == SequenceState::Finished).collect();
        self.remove(&ended, decoder)
    }

    /// Removes the marked members.
    fn remove<D: DecoderNetwork<KvCache = C>>(&mut self, marked: &[bool], decoder: &mut D) -> Result<(), RunError> {
        if !marked.contains(&true) {
            return Ok(());
        }
        let kept: Vec<usize> = marked.iter().enumerate().filter(|(_, marked)| !**marked).map(|(row, _)| row).collect();
        let mut row = 0..;
        self.members.retain(|_| row.next().is_some_and(|row| kept.contains(&row)));
        self.cache = match self.cache.take() {
            Some(cache) if !kept.is_empty() => Some(decoder.gather(&[(&cache, &kept)])?),
            _ => None,
        };
        Ok(())
    }
}

/// Merges groups that have one length and may share a run.
pub(super) fn join<D: DecoderNetwork>(cohorts: &mut Vec<Cohort<D::KvCache>>, decoder: &mut D) {
    cohorts.retain(|cohort| !cohort.members.is_empty());
    let sharing = decoder.sharing();
    // If only one tenant may share a run, groups of one tenant are adjacent.
    cohorts.sort_by(|one, other| one.length.cmp(&other.length).then_with(|| one.tenant().cmp(&other.tenant())));
    let mut joined: Vec<Cohort<D::KvCache>> = Vec::with_capacity(cohorts.len());
    for cohort in cohorts.drain(..) {
        match joined.last_mut() {
            Some(last) if last.length == cohort.length && last.may_join(&cohort, sharing) => {
                merge(last, cohort, decoder);
            }
            _ => joined.push(cohort),
        }
    }
    *cohorts = joined;
}

/// Appends the members of `other` to those of `one`.
fn merge<D: DecoderNetwork>(one: &mut Cohort<D::KvCache>, other: Cohort<D::KvCache>, decoder: &mut D) {
    let (rows, others): (Vec<_>, Vec<_>) = ((0..one.members.len()).collect(), (0..other.members.len()).collect());
    let (Some(cache), Some(more)) = (one.cache.take(), other.cache) else { return };
    one.members.extend(other.members);
    match decoder.gather(&[(&cache, &rows), (&more, &others)]) {
        Ok(cache) => one.cache = Some(cache),
        Err(error) => one.members.drain(..).for_each(|sequence| sequence.fail(error.clone())),
    }
}
