//! Whether a network can go on with texts, and whether sequences may share a run while it does: texts that are gone on with together
//! have to be the same to the last bit as alone, whoever joins, leaves or moves. A seed means the same text only then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::probe::Seen;
use super::share::Proof;
use amaas_engine::RunError;
use amaas_engine::generate::{DecoderNetwork, DecoderTensors};
use amaas_engine::onnx::{NetworkFiles, rows};

/// Whether the graph keeps sequences apart. The caches of a decoder have their batch where `contract` says.
pub(super) fn prove(files: &NetworkFiles, contract: &DecoderTensors) -> Proof {
    let axes = contract
        .cache
        .iter()
        .flat_map(|tensor| [(tensor.past.clone(), tensor.batch), (tensor.present.clone(), tensor.batch)]);
    rows::prove_at(files, &axes.collect())
}

/// Goes on with texts alone and together, of tokens that every vocabulary has, in no more than `context` tokens.
///
/// # Errors
/// Where the network cannot go on with texts at all.
pub(super) fn probe(decoder: &mut impl DecoderNetwork, context: usize) -> Result<Seen, String> {
    let (begun, mut sets, mut told_apart) = (Instant::now(), 0, false);
    for length in LENGTHS {
        let kept = TEXTS * (length + SCRIPT.len()) * decoder.token_bytes();
        if sets > 0 && (length + SCRIPT.len() > context || kept > MOST_BYTES || begun.elapsed() > LONGEST) {
            break;
        }
        match script(decoder, length)? {
            Ok(differ) => (sets, told_apart) = (sets + 1, told_apart || differ),
            Err(seen) => return Ok(seen),
        }
    }
    Ok(Seen::Apart { sets, told_apart })
}

/// A sequence that is gone on with alone: its logits at each step, and its past where it joins others.
struct Alone<P> {
    logits: Vec<Vec<f32>>,
    pasts: BTreeMap<usize, P>,
}

/// Texts of `length` tokens: alone, and together as [`SCRIPT`] says. Whether any two gave different logits.
fn script<D: DecoderNetwork>(decoder: &mut D, length: usize) -> Result<Result<bool, Seen>, String> {
    let failed = |error: RunError| error.for_operator();
    let mut all = Vec::with_capacity(TEXTS);
    for text in 0..TEXTS {
        let prompt: Vec<i64> = (0..length).map(|place| token(text, place)).collect();
        all.push(alone(decoder, text, &prompt).map_err(failed)?);
    }
    let mut before: Vec<usize> = Vec::new();
    let mut past: Option<D::KvCache> = None;
    for (step, members) in SCRIPT.iter().enumerate() {
        match together(decoder, &all, (&before, past.take()), (step, members)) {
            Ok((logits, now)) => {
                for (member, got) in members.iter().zip(&logits) {
                    if let Some(seen) = differ(&all[*member].logits[step], got, members.len()) {
                        return Ok(Err(seen));
                    }
                }
                (before, past) = (members.to_vec(), Some(now));
            }
            Err(error) => {
                return Ok(Err(Seen::NotRun(format!("a run of {} sequences failed: {error}", members.len()))));
            }
        }
    }
    Ok(Ok(all.iter().any(|alone| alone.logits != all[0].logits)))
}

fn alone<D: DecoderNetwork>(decoder: &mut D, text: usize, prompt: &[i64]) -> Result<Alone<D::KvCache>, RunError> {
    let (_, mut past) = decoder.step(&[prompt.to_vec()], None)?;
    let (mut logits, mut pasts) = (Vec::new(), BTreeMap::new());
    for step in 0..SCRIPT.len() {
        if joins(text, step) {
            pasts.insert(step, decoder.gather(&[(&past, &[0])])?);
        }
        let (rows, now) = decoder.step(&[vec![token(text, step)]], Some(past))?;
        logits.extend(rows.into_iter().next());
        past = now;
    }
    if logits.len() == SCRIPT.len() {
        Ok(Alone { logits, pasts })
    } else {
        Err(RunError::failed("the network gave no logits".to_owned()))
    }
}

/// Whether a text is among those of a step, and was not among those before it.
fn joins(text: usize, step: usize) -> bool {
    let is_there = |step: usize| SCRIPT.get(step).is_some_and(|members| members.contains(&text));
    is_there(step) && step.checked_sub(1).is_none_or(|before| !is_there(before))
}

/// One step of `members`: those who were there `before` keep the past that they have in the cohort, others bring their own.
fn together<D: DecoderNetwork>(
    decoder: &mut D,
    all: &[Alone<D::KvCache>],
    (before, past): (&[usize], Option<D::KvCache>),
    (step, members): (usize, &[usize]),
) -> Result<(Vec<Vec<f32>>, D::KvCache), RunError> {
    let place = |member: &usize| before.iter().position(|other| other == member);
    let new: Vec<_> = members.iter().map(|member| vec![token(*member, step)]).collect();
    let places: Vec<Option<[usize; 1]>> = members.iter().map(|member| place(member).map(|place| [place])).collect();
    let own = |member: usize| {
        let past = all[member].pasts.get(&step);
        past.ok_or_else(|| RunError::failed("a sequence joins where it did not stop".to_owned()))
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

/// What is to be said where logits differ.
fn differ(expected: &[f32], got: &[f32], count: usize) -> Option<Seen> {
    let bits = |logits: &[f32]| logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>();
    if bits(expected) == bits(got) {
        return None;
    }
    let largest = expected.iter().filter(|logit| logit.is_finite()).fold(0.0_f32, |most, logit| most.max(logit.abs()));
    let off = expected.iter().zip(got).map(|(expected, got)| (expected - got).abs());
    let furthest = off.fold(0.0_f32, |most, off| if off.is_nan() { f32::INFINITY } else { most.max(off) });
    if expected.len() == got.len() && furthest <= 0.05 * largest {
        return Some(Seen::Differs("sequences run together differ from each alone in their last bits".to_owned()));
    }
    Some(Seen::Mixed(format!("a sequence among {count} gave other logits than alone: off by up to {furthest:e}")))
}

/// A token of a text: one of those that every vocabulary has. Any two texts differ in the first two.
fn token(text: usize, place: usize) -> i64 {
    let digit = if place.is_multiple_of(2) { text % 3 } else { text / 3 % 3 };
    [1, 2, 3][(digit + place) % 3]
}

/// Texts of a trial.
const TEXTS: usize = 7;
/// Tokens of prompts; two lengths of no particular multiple.
const LENGTHS: [usize; 3] = [3, 1, 37];
/// Of what sequences leave behind that are kept for others to join.
const MOST_BYTES: usize = 512 << 20;
/// No longer prompts are tried behind it.
const LONGEST: Duration = Duration::from_secs(10);
/// Who takes each step: sequences join, stay, move and leave, in odd numbers and even ones.
const SCRIPT: [&[usize]; 10] = [
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

    /// How a decoder that is a function of its rows lets them meet.
    #[derive(Clone, Copy)]
    enum Meets {
        Never,
        /// The first row is added to others by this much.
        Always(f32),
        /// The longest prompts only.
        Beyond(usize),
        /// The third row of a run, where there are five or more.
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
            let alone = |row: &Vec<i64>| row.iter().fold(7, |state, token| (state * 31 + token) % 9973) as f32;
            let mut sums: Vec<f32> = past.iter().map(alone).collect();
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

        fn gather(&mut self, pasts: &[(&Self::KvCache, &[usize])]) -> Result<Self::KvCache, RunError> {
            Ok(pasts.iter().flat_map(|(past, rows)| rows.iter().map(|row| past[*row].clone())).collect())
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
        let seen = |meets, context| probe(&mut Fake(meets), context).expect("it goes on with texts");
        assert_eq!(seen(Meets::Never, 1000), Seen::Apart { sets: 3, told_apart: true });
        assert_eq!(seen(Meets::Never, 20), Seen::Apart { sets: 2, told_apart: true }, "no more than there is room for");
        assert!(matches!(seen(Meets::Always(1e-7), 1000), Seen::Differs(_)), "last bits");
        assert!(matches!(seen(Meets::Always(1.0), 1000), Seen::Mixed(_)));
        assert!(matches!(seen(Meets::Beyond(20), 1000), Seen::Mixed(_)), "long prompts");
        assert!(matches!(seen(Meets::InFives, 1000), Seen::Mixed(_)), "many sequences");
        assert!(matches!(seen(Meets::Fails, 1000), Seen::NotRun(_)));
    }

    #[test]
    fn texts_differ_early() {
        let texts: std::collections::BTreeSet<Vec<i64>> =
            (0..TEXTS).map(|text| (0..2).map(|place| token(text, place)).collect()).collect();
        assert_eq!(texts.len(), TEXTS);
    }
}
