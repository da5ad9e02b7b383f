//! Checks that a decoder generates text, and that sequences can share runs (continuous batching). A sequence in a batch has to
//! get the same logits, to the last bit, as alone, even if others join, leave or move. Otherwise, a seed would not determine the
//! text.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::probe::ProbeResult;
use super::sharing::RowsProof;
use amaas_engine::RunError;
use amaas_engine::generate::{DecoderNetwork, DecoderTensors};
use amaas_engine::onnx::{NetworkFiles, rows};

/// Proves that sequences are independent in the graph. `contract` names the batch dimension of each KV cache tensor.
pub(super) fn prove_sequences(files: &NetworkFiles, contract: &DecoderTensors) -> RowsProof {
    let axes = contract
        .cache
        .iter()
        .flat_map(|tensor| [(tensor.past.clone(), tensor.batch), (tensor.present.clone(), tensor.batch)]);
    rows::prove_at(files, &axes.collect())
}

/// Decodes sequences alone and together, with tokens that every vocabulary has, within `context` tokens.
///
/// # Errors
/// If the network cannot generate text at all.
pub(super) fn probe_sequences(decoder: &mut impl DecoderNetwork, context: usize) -> Result<ProbeResult, String> {
    let (begun, mut sets, mut rows_differed) = (Instant::now(), 0, false);
    for length in PROMPT_LENGTHS {
        let kept = TRIAL_SEQUENCES * (length + STEPS.len()) * decoder.token_bytes();
        if sets > 0 && (length + STEPS.len() > context || kept > MAX_KV_CACHE_BYTES || begun.elapsed() > MAX_TRIAL_TIME)
        {
            break;
        }
        match run_steps(decoder, length)? {
            Ok(differ) => (sets, rows_differed) = (sets + 1, rows_differed || differ),
            Err(seen) => return Ok(seen),
        }
    }
    Ok(ProbeResult::Independent { sets, rows_differed })
}

/// A sequence decoded alone: its logits at each step, and its KV cache at steps where it joins others.
struct SoloSequence<P> {
    logits: Vec<Vec<f32>>,
    kv_caches: BTreeMap<usize, P>,
}

/// Decodes prompts of `length` tokens alone, and together as [`STEPS`] says. Returns whether any two sequences had different logits.
fn run_steps<D: DecoderNetwork>(decoder: &mut D, length: usize) -> Result<Result<bool, ProbeResult>, String> {
    let failed = |error: RunError| error.for_operator();
    let mut all = Vec::with_capacity(TRIAL_SEQUENCES);
    for sequence in 0..TRIAL_SEQUENCES {
        let prompt: Vec<i64> = (0..length).map(|place| token(sequence, place)).collect();
        all.push(run_alone(decoder, sequence, &prompt).map_err(failed)?);
    }
    let mut before: Vec<usize> = Vec::new();
    let mut past: Option<D::KvCache> = None;
    for (step, members) in STEPS.iter().enumerate() {
        match run_step(decoder, &all, (&before, past.take()), (step, members)) {
            Ok((logits, now)) => {
                for (member, got) in members.iter().zip(&logits) {
                    if let Some(seen) = compare_logits(&all[*member].logits[step], got, members.len()) {
                        return Ok(Err(seen));
                    }
                }
                (before, past) = (members.to_vec(), Some(now));
            }
            Err(error) => {
                return Ok(Err(ProbeResult::NotRun(format!("a run of {} sequences failed: {error}", members.len()))));
            }
        }
    }
    Ok(Ok(all.iter().any(|solo| solo.logits != all[0].logits)))
}

fn run_alone<D: DecoderNetwork>(
    decoder: &mut D,
    sequence: usize,
    prompt: &[i64],
) -> Result<SoloSequence<D::KvCache>, RunError> {
    let (_, mut past) = decoder.step(&[prompt.to_vec()], None)?;
    let (mut logits, mut kv_caches) = (Vec::new(), BTreeMap::new());
    for step in 0..STEPS.len() {
        if joins(sequence, step) {
            kv_caches.insert(step, decoder.gather(&[(&past, &[0])])?);
        }
        let (rows, now) = decoder.step(&[vec![token(sequence, step)]], Some(past))?;
        logits.extend(rows.into_iter().next());
        past = now;
    }
    if logits.len() == STEPS.len() {
        Ok(SoloSequence { logits, kv_caches })
    } else {
        Err(RunError::failed("the network gave no logits".to_owned()))
    }
}

/// Whether a sequence is in a step, but not in the step before.
fn joins(sequence: usize, step: usize) -> bool {
    let is_there = |step: usize| STEPS.get(step).is_some_and(|members| members.contains(&sequence));
    is_there(step) && step.checked_sub(1).is_none_or(|before| !is_there(before))
}

/// One step of `members`: those in the step `before` keep their KV cache of the cohort; others bring their own.
fn run_step<D: DecoderNetwork>(
    decoder: &mut D,
    all: &[SoloSequence<D::KvCache>],
    (before, past): (&[usize], Option<D::KvCache>),
    (step, members): (usize, &[usize]),
) -> Result<(Vec<Vec<f32>>, D::KvCache), RunError> {
    let place = |member: &usize| before.iter().position(|other| other == member);
    let new: Vec<_> = members.iter().map(|member| vec![token(*member, step)]).collect();
    let places: Vec<Option<[usize; 1]>> = members.iter().map(|member| place(member).map(|place| [place])).collect();
    let own = |member: usize| {
        let past = all[member].kv_caches.get(&step);
        past.ok_or_else(|| RunError::failed("a sequence joins at a step without its KV cache".to_owned()))
    };
    let parts = members.iter().zip(&places).map(|(member, place)| match (&past, place) {
        (Some(past), Some(place)) => Ok((past, &place[..])),
        _ => Ok((own(*member)?, &[0][..])),
    });
    let parts = parts.collect::<Result<Vec<_>, RunError>>()?;
    let joined = decoder.gather(&parts)?;
    let (logits, past) = decoder.step(&new, Some(joined))?;
    if logits.len() == members.len() {
        Ok((logits, past))
    } else {
        Err(RunError::failed("the network gave logits of another number of rows".to_owned()))
    }
}

/// The result if logits differ.
fn compare_logits(expected: &[f32], got: &[f32], count: usize) -> Option<ProbeResult> {
    let bits = |logits: &[f32]| logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>();
    if bits(expected) == bits(got) {
        return None;
    }
    let largest = expected.iter().filter(|logit| logit.is_finite()).fold(0.0_f32, |most, logit| most.max(logit.abs()));
    let off = expected.iter().zip(got).map(|(expected, got)| (expected - got).abs());
    let max_difference = off.fold(0.0_f32, |most, off| if off.is_nan() { f32::INFINITY } else { most.max(off) });
    if expected.len() == got.len() && max_difference <= 0.05 * largest {
        return Some(ProbeResult::Differs("batched sequences differ from single ones in their last bits".to_owned()));
    }
    Some(ProbeResult::Dependent(format!(
        "a sequence in a batch of {count} has other logits than alone: off by up to {max_difference:e}"
    )))
}

/// A token of a sequence, from those that every vocabulary has. Any two sequences differ in the first two tokens.
fn token(sequence: usize, place: usize) -> i64 {
    let digit = if place.is_multiple_of(2) { sequence % 3 } else { sequence / 3 % 3 };
    [1, 2, 3][(digit + place) % 3]
}

/// Sequences of a trial.
const TRIAL_SEQUENCES: usize = 7;
/// Prompt lengths; odd, so that none is a multiple of a vector width.
const PROMPT_LENGTHS: [usize; 3] = [3, 1, 37];
/// Bound on the KV caches that are kept for sequences that join later.
const MAX_KV_CACHE_BYTES: usize = 512 << 20;
/// Longer prompts are not tried after this time.
const MAX_TRIAL_TIME: Duration = Duration::from_secs(10);
/// The sequences of each step: they join, stay, move and leave, in odd and even numbers.
const STEPS: [&[usize]; 10] = [
    &[0, 1],
    &[0, 1],
    &[0, 1, 2, 3, 4],
    &[4, 0, 3, 1, 2],
    &[4, 3, 2],
    &[2, 5, 4, 6, 3, 0, 1],
    &[1, 0, 3, 6, 4, 5, 2],
    &[6, 4, 5],
    &[5],
    &[2, 5, 0],
];

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_engine::RunSharing;

    /// The dependence between rows of a fake decoder.
    #[derive(Clone, Copy)]
    enum Meets {
        Never,
        /// The first row is added to others by this much.
        Always(f32),
        /// The longest prompts only.
        Beyond(usize),
        /// Only the third row, in runs of five or more.
        InFives,
        Fails,
    }

    struct Fake(Meets);

    impl DecoderNetwork for Fake {
        type KvCache = Vec<Vec<i64>>;

        fn step(
            &mut self,
            new: &[Vec<i64>],
            past: Option<Self::KvCache>,
        ) -> Result<(Vec<Vec<f32>>, Self::KvCache), RunError> {
            let mut past = past.unwrap_or_else(|| vec![Vec::new(); new.len()]);
            past.iter_mut().zip(new).for_each(|(past, new)| past.extend(new));
            #[allow(clippy::cast_precision_loss)]
            let run_alone = |row: &Vec<i64>| row.iter().fold(7, |state, token| (state * 31 + token) % 9973) as f32;
            let mut sums: Vec<f32> = past.iter().map(run_alone).collect();
            let (first, count) = (sums[0], sums.len());
            match self.0 {
                Meets::Always(share) if count > 1 => sums[1..].iter_mut().for_each(|sum| *sum += share * first),
                Meets::Beyond(length) if past[0].len() > length && count > 1 => sums[1] += first,
                Meets::InFives if count >= 5 => sums[2] = first,
                Meets::Fails if count > 3 => return Err(RunError::failed("four rows".to_owned())),
                _ => {}
            }
            Ok((sums.iter().map(|sum| vec![*sum, -sum]).collect(), past))
        }

        fn gather(&mut self, kv_caches: &[(&Self::KvCache, &[usize])]) -> Result<Self::KvCache, RunError> {
            Ok(kv_caches.iter().flat_map(|(past, rows)| rows.iter().map(|row| past[*row].clone())).collect())
        }

        fn sharing(&self) -> RunSharing {
            RunSharing::None
        }

        fn token_bytes(&self) -> usize {
            1
        }
    }

    #[test]
    fn sequences_that_see_one_another_are_found() {
        let seen = |meets, context| probe_sequences(&mut Fake(meets), context).expect("it generates text");
        assert_eq!(seen(Meets::Never, 1000), ProbeResult::Independent { sets: 3, rows_differed: true });
        assert_eq!(
            seen(Meets::Never, 20),
            ProbeResult::Independent { sets: 2, rows_differed: true },
            "no more than there is room for"
        );
        assert!(matches!(seen(Meets::Always(1e-7), 1000), ProbeResult::Differs(_)), "last bits");
        assert!(matches!(seen(Meets::Always(1.0), 1000), ProbeResult::Dependent(_)));
        assert!(matches!(seen(Meets::Beyond(20), 1000), ProbeResult::Dependent(_)), "long prompts");
        assert!(matches!(seen(Meets::InFives, 1000), ProbeResult::Dependent(_)), "many sequences");
        assert!(matches!(seen(Meets::Fails, 1000), ProbeResult::NotRun(_)));
    }

    #[test]
    fn texts_differ_early() {
        let texts: std::collections::BTreeSet<Vec<i64>> =
            (0..TRIAL_SEQUENCES).map(|sequence| (0..2).map(|place| token(sequence, place)).collect()).collect();
        assert_eq!(texts.len(), TRIAL_SEQUENCES);
    }
}
