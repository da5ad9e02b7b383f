//! Sampling a token from logits, with temperature and top-p.

use crate::error::RunError;
use crate::split_mix::SplitMix64;

/// A sampler with temperature, top-p and a seeded generator; each token takes one draw.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    temperature: f64,
    top_p: f64,
    rng: SplitMix64,
}

impl Sampler {
    pub(super) fn new(temperature: f64, top_p: f64, seed: i64) -> Self {
        Self { temperature, top_p, rng: SplitMix64::new(seed.cast_unsigned()) }
    }

    /// Samples the next token. A logit of +∞ always wins; a logit of −∞ is never sampled, and at least one other is
    /// needed.
    pub(super) fn sample(&mut self, logits: &[f32]) -> Result<usize, RunError> {
        let best = highest(logits).filter(|_| !logits.iter().any(|logit| logit.is_nan()));
        let best = best
            .filter(|best| logits[*best] > f32::NEG_INFINITY)
            .ok_or(RunError::NotFinite(NOT_A_NUMBER.to_owned()))?;
        let draw = self.rng.next_f64();
        if self.temperature == 0.0 || logits[best] == f32::INFINITY {
            return Ok(best);
        }
        let weight = |token: usize| ((f64::from(logits[token]) - f64::from(logits[best])) / self.temperature).exp();
        if self.top_p >= 1.0 {
            return Ok(draw_weighted((0..logits.len()).map(|token| (token, weight(token))), draw).unwrap_or(best));
        }
        let total: f64 = (0..logits.len()).map(weight).sum();
        let mut kept = Vec::new();
        let mut sum = 0.0;
        for token in most_probable(logits, logits.len()) {
            kept.push((token, weight(token)));
            sum += weight(token);
            if sum >= self.top_p * total {
                break;
            }
        }
        Ok(draw_weighted(kept.into_iter(), draw).unwrap_or(best))
    }
}

/// The most probable token.
pub fn most_probable_token(logits: &[f32]) -> Result<usize, RunError> {
    if logits.iter().all(|logit| *logit == f32::NEG_INFINITY) {
        return Err(RunError::failed("the network gave logits by which no token is possible: all are -inf".to_owned()));
    }
    Sampler::new(0.0, 1.0, 0).sample(logits)
}

/// The token with the highest logit; the lowest of equals.
fn highest(logits: &[f32]) -> Option<usize> {
    let higher = |best: (usize, f32), next: (usize, f32)| if next.1.total_cmp(&best.1).is_gt() { next } else { best };
    logits.iter().copied().enumerate().reduce(higher).map(|(token, _)| token)
}

/// The token at which the cumulative weight reaches `draw` of the total.
fn draw_weighted(weights: impl Iterator<Item = (usize, f64)> + Clone, draw: f64) -> Option<usize> {
    let mut left = draw * weights.clone().map(|(_, weight)| weight).sum::<f64>();
    let mut last = None;
    for (token, weight) in weights.filter(|(_, weight)| *weight > 0.0) {
        if left < weight {
            return Some(token);
        }
        left -= weight;
        last = Some(token);
    }
    last
}

/// The `count` tokens with the highest logits, in descending order; of equals the lower token comes first.
pub(super) fn most_probable(logits: &[f32], count: usize) -> Vec<usize> {
    let higher = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    let mut tokens: Vec<usize> = (0..logits.len()).collect();
    if count < tokens.len() {
        tokens.select_nth_unstable_by(count, higher);
        tokens.truncate(count);
    }
    tokens.sort_unstable_by(higher);
    tokens
}

/// The log probability of each of `tokens`, before temperature and `top_p`; [`MIN_LOGPROB`] for probability 0.
pub(super) fn logprobs(logits: &[f32], tokens: impl Iterator<Item = usize>) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Logits of +∞ are equally probable, and ∞ − ∞ is not a number.
    let below = |logit: f32| if logit < highest { f64::from(logit) - f64::from(highest) } else { 0.0 };
    let sum: f64 = logits.iter().map(|logit| below(*logit).exp()).sum();
    tokens.map(|token| (below(logits[token]) - sum.ln()).max(MIN_LOGPROB)).collect()
}

const NOT_A_NUMBER: &str = "the network gave logits that are no numbers";
/// Replaces −∞, which JSON cannot represent; vLLM uses the same value.
const MIN_LOGPROB: f64 = -9999.0;

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_wire::Classify;

    const LOGITS: [f32; 4] = [0.0, 2.0, 1.0, 2.0];

    fn many(temperature: f64, top_p: f64) -> [u32; 4] {
        let mut sampler = Sampler::new(temperature, top_p, 7);
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[sampler.sample(&LOGITS).expect("numbers")] += 1;
        }
        counts
    }

    #[test]
    fn without_temperature_the_first_of_the_most_probable_is_taken() {
        assert_eq!(many(0.0, 1.0), [0, 10_000, 0, 0]);
    }

    #[test]
    fn tokens_are_drawn_by_their_chances() {
        let weights: Vec<f64> = LOGITS.iter().map(|logit| f64::from(*logit).exp()).collect();
        let sum: f64 = weights.iter().sum();
        for (count, weight) in many(1.0, 1.0).into_iter().zip(weights) {
            assert!((f64::from(count) / 10_000.0 - weight / sum).abs() < 0.02, "{count} {}", weight / sum);
        }
        assert!(many(0.05, 1.0)[1] + many(0.05, 1.0)[3] == 10_000, "nearly the most probable only");
    }

    #[test]
    fn only_the_most_probable_are_drawn_from() {
        assert_eq!(many(1.0, 0.3), [0, 10_000, 0, 0], "the first alone has 0.4");
        let two = many(1.0, 0.5);
        assert!(two[0] == 0 && two[2] == 0 && two[3] > 4_000, "{two:?}");
    }

    #[test]
    fn a_seed_means_the_same_draws() {
        let draws = |seed| {
            std::iter::repeat_with({
                let mut sampler = Sampler::new(1.0, 1.0, seed);
                move || sampler.rng.next_f64()
            })
        };
        assert!(draws(3).take(9).eq(draws(3).take(9)));
        assert!(!draws(3).take(9).eq(draws(4).take(9)));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let (infinite, none) = (f32::INFINITY, f32::NEG_INFINITY);
        for logits in [&[0.0, f32::NAN][..], &[infinite, f32::NAN], &[-f32::NAN, 0.0], &[none, none], &[]] {
            for temperature in [0.0, 1.0] {
                let error = Sampler::new(temperature, 1.0, 0).sample(logits).expect_err("no numbers");
                assert_eq!(
                    (error.classify().class.status, error.to_string().as_str()),
                    (422, NOT_A_NUMBER),
                    "{logits:?}"
                );
            }
        }
        for (logits, expected) in [(&[none, 0.0][..], 1), (&[0.0, infinite, infinite, none], 1), (&[none, infinite], 1)]
        {
            for (temperature, top_p) in [(0.0, 1.0), (1.0, 1.0), (2.0, 0.5)] {
                let chosen = Sampler::new(temperature, top_p, 3).sample(logits);
                assert_eq!(chosen.expect("a number"), expected, "{logits:?} {temperature} {top_p}");
            }
        }
    }

    #[test]
    fn logprobs_are_numbers() {
        let (infinite, none) = (f32::INFINITY, f32::NEG_INFINITY);
        let half = 0.5_f64.ln();
        for (logits, expected) in [
            (&[0.0, none, 0.0][..], [half, MIN_LOGPROB, half]),
            (&[infinite, 0.0, infinite], [half, MIN_LOGPROB, half]),
            (&[f32::MAX, f32::MIN, f32::MAX], [half, MIN_LOGPROB, half]),
        ] {
            assert_eq!(logprobs(logits, 0..3), expected, "{logits:?}");
        }
    }

    #[test]
    fn logprobs_are_those_of_a_softmax() {
        let sum: f64 = logprobs(&LOGITS, 0..4).into_iter().map(f64::exp).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(most_probable(&LOGITS, 3), [1, 3, 2]);
    }
}
