//! Sequences whose pasts have one length, and step together.

use std::sync::Arc;

use super::Decoder;
use super::sequence::{Goes, Sequence};
use crate::batching::Sharing;
use crate::error::RunError;

/// Sequences of one length. Row i of the past is that of member i.
pub(super) struct Cohort<P> {
    pub(super) length: usize,
    pub(super) members: Vec<Sequence>,
    past: Option<P>,
}

impl<P: Send> Cohort<P> {
    /// A sequence whose prompt has been read.
    pub(super) fn of(sequence: Sequence, length: usize, past: P) -> Self {
        Self { length, members: vec![sequence], past: Some(past) }
    }

    /// Whose its members are; where tenants share runs, that of the first.
    fn tenant(&self) -> Option<&Arc<str>> {
        self.members.first().and_then(|sequence| sequence.tenant.as_ref())
    }

    /// Whether all members of both may share a run.
    fn may_join(&self, other: &Self, sharing: Sharing) -> bool {
        match sharing {
            Sharing::All => true,
            Sharing::SameTenant => self.tenant().is_some() && self.tenant() == other.tenant(),
            Sharing::None => false,
        }
    }

    /// Makes one token of each member, and lets go those that ended or whose callers have gone.
    pub(super) fn step<D: Decoder<Past = P>>(&mut self, decoder: &mut D) {
        if let Err(error) = self.try_step(decoder) {
            self.members.drain(..).for_each(|sequence| sequence.fail(error.clone()));
        }
    }

    fn try_step<D: Decoder<Past = P>>(&mut self, decoder: &mut D) -> Result<(), RunError> {
        let gone: Vec<bool> = self.members.iter().map(Sequence::is_gone).collect();
        self.leave(&gone, decoder)?;
        if self.members.is_empty() {
            return Ok(());
        }
        let new: Vec<Vec<i64>> = self.members.iter().map(|sequence| vec![sequence.last]).collect();
        let (logits, past) = decoder.step(&new, self.past.take())?;
        (self.past, self.length) = (Some(past), self.length + 1);
        if logits.len() != self.members.len() {
            return Err(RunError::failed("the network gave logits of another number of rows".to_owned()));
        }
        let taken = self.members.iter_mut().zip(&logits).map(|(sequence, logits)| sequence.take(logits));
        let ended: Vec<bool> = taken.map(|goes| goes == Goes::Ended).collect();
        self.leave(&ended, decoder)
    }

    /// Lets those go that are marked.
    fn leave<D: Decoder<Past = P>>(&mut self, marked: &[bool], decoder: &mut D) -> Result<(), RunError> {
        if !marked.contains(&true) {
            return Ok(());
        }
        let kept: Vec<usize> = marked.iter().enumerate().filter(|(_, marked)| !**marked).map(|(row, _)| row).collect();
        let mut row = 0..;
        self.members.retain(|_| row.next().is_some_and(|row| kept.contains(&row)));
        self.past = match self.past.take() {
            Some(past) if !kept.is_empty() => Some(decoder.gather(&[(&past, &kept)])?),
            _ => None,
        };
        Ok(())
    }
}

/// Makes one cohort of all that have one length and may share a run.
pub(super) fn join<D: Decoder>(cohorts: &mut Vec<Cohort<D::Past>>, decoder: &mut D) {
    cohorts.retain(|cohort| !cohort.members.is_empty());
    let sharing = decoder.sharing();
    // Where tenants are held apart, those of one stand together.
    cohorts.sort_by(|one, other| one.length.cmp(&other.length).then_with(|| one.tenant().cmp(&other.tenant())));
    let mut joined: Vec<Cohort<D::Past>> = Vec::with_capacity(cohorts.len());
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

/// Puts the members of `other` behind those of `one`.
fn merge<D: Decoder>(one: &mut Cohort<D::Past>, other: Cohort<D::Past>, decoder: &mut D) {
    let (rows, others): (Vec<_>, Vec<_>) = ((0..one.members.len()).collect(), (0..other.members.len()).collect());
    let (Some(past), Some(more)) = (one.past.take(), other.past) else { return };
    one.members.extend(other.members);
    match decoder.gather(&[(&past, &rows), (&more, &others)]) {
        Ok(past) => one.past = Some(past),
        Err(error) => one.members.drain(..).for_each(|sequence| sequence.fail(error.clone())),
    }
}
