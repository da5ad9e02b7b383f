//! Logits to a token: the most probable, or one drawn by its chances.

use crate::infer::RunError;

/// How tokens are drawn, and what the next draw is.
///
/// Draws come from `SplitMix64` (Steele, Lea, Flood 2014), one for each token, so that a seed means the same in every build.
#[derive(Clone, Debug)]
pub(super) struct Chances {
    temperature: f64,
    top_p: f64,
    state: u64,
}

impl Chances {
    pub(super) fn new(temperature: f64, top_p: f64, seed: i64) -> Self {
        Self { temperature, top_p, state: seed.cast_unsigned() }
    }

    /// The next token.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Result<usize, RunError> {
        let best = highest(logits).filter(|_| logits.iter().all(|logit| !logit.is_nan() && *logit < f32::INFINITY));
        let best = best.ok_or_else(|| RunError::Failed("the network gave logits that are no numbers".to_owned()))?;
        let draw = self.draw();
        if self.temperature == 0.0 {
            return Ok(best);
        }
        let weight = |token: usize| ((f64::from(logits[token]) - f64::from(logits[best])) / self.temperature).exp();
        if self.top_p >= 1.0 {
            return Ok(drawn((0..logits.len()).map(|token| (token, weight(token))), draw).unwrap_or(best));
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
        Ok(drawn(kept.into_iter(), draw).unwrap_or(best))
    }

    /// From 0 up to, but not, 1.
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    fn draw(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The most probable token.
pub(crate) fn most_probable_token(logits: &[f32]) -> Result<usize, RunError> {
    if logits.iter().all(|logit| *logit == f32::NEG_INFINITY) {
        return Err(RunError::Failed("the network gave logits by which no token is possible: all are -inf".to_owned()));
    }
    Chances::new(0.0, 1.0, 0).choose(logits)
}

/// The token of the highest logit; of equals the lowest.
fn highest(logits: &[f32]) -> Option<usize> {
    let higher = |best: (usize, f32), next: (usize, f32)| if next.1.total_cmp(&best.1).is_gt() { next } else { best };
    logits.iter().copied().enumerate().reduce(higher).map(|(token, _)| token)
}

/// The one at which the weights have come to `draw` of their sum.
fn drawn(weights: impl Iterator<Item = (usize, f64)> + Clone, draw: f64) -> Option<usize> {
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

/// The `count` tokens of the highest logits, in this order; of equals the lower token comes first.
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

/// The natural logarithm of the chance of each of `tokens`, before temperature and `top_p`.
pub(super) fn logprobs(logits: &[f32], tokens: impl Iterator<Item = usize>) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - f64::from(highest)).exp()).sum();
    tokens.map(|token| f64::from(logits[token]) - f64::from(highest) - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [0.0, 2.0, 1.0, 2.0];

    fn many(temperature: f64, top_p: f64) -> [u32; 4] {
        let mut chances = Chances::new(temperature, top_p, 7);
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[chances.choose(&LOGITS).expect("numbers")] += 1;
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
                let mut chances = Chances::new(1.0, 1.0, seed);
                move || chances.draw()
            })
        };
        assert!(draws(3).take(9).eq(draws(3).take(9)));
        assert!(!draws(3).take(9).eq(draws(4).take(9)));
        // SplitMix64's published first output for seed 1234567 is 6457827717110365317, of 2^64.
        assert!((draws(1_234_567).next().expect("endless") - 0.350_079_542_021_408).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        for logits in [&[0.0, f32::NAN][..], &[f32::INFINITY, 0.0], &[]] {
            assert!(Chances::new(1.0, 1.0, 0).choose(logits).is_err());
        }
        assert_eq!(Chances::new(1.0, 1.0, 0).choose(&[f32::NEG_INFINITY, 0.0]).expect("a ban"), 1);
    }

    #[test]
    fn logprobs_are_those_of_a_softmax() {
        let sum: f64 = logprobs(&LOGITS, 0..4).into_iter().map(f64::exp).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(most_probable(&LOGITS, 3), [1, 3, 2]);
    }
}
