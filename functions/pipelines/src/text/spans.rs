//! The best spans of tokens, from the scores of tokens to begin and to end one.

use crate::scores::softmax;

/// The probability of each token to begin and to end the answer.
#[derive(Clone, Debug)]
pub(super) struct SpanScores {
    starts: Vec<f32>,
    ends: Vec<f32>,
    candidates: Vec<bool>,
}

/// A span of tokens, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) score: f32,
}

impl SpanScores {
    /// The probabilities for logits, over the tokens that are candidates.
    pub(super) fn of(starts: &[f32], ends: &[f32], candidates: &[bool]) -> Self {
        let masked = |logits: &[f32]| {
            let logits = logits.iter().zip(candidates);
            softmax(
                &logits.map(|(logit, is_candidate)| if *is_candidate { *logit } else { MASKED }).collect::<Vec<_>>(),
            )
        };
        Self { starts: masked(starts), ends: masked(ends), candidates: candidates.to_vec() }
    }

    /// The score of the first token, which means "no answer".
    pub(super) fn no_answer(&self) -> f32 {
        self.starts.first().zip(self.ends.first()).map_or(0.0, |(start, end)| start * end)
    }
}

/// The `top_k` best spans of at most `max_length` tokens, best first. The first token is in none.
pub(super) fn best_spans(mut scores: SpanScores, top_k: usize, max_length: usize) -> Vec<Span> {
    for first in [scores.starts.first_mut(), scores.ends.first_mut()].into_iter().flatten() {
        *first = 0.0;
    }
    let mut best: Vec<Span> = Vec::new();
    for (start, start_score) in scores.starts.iter().enumerate() {
        let ends = scores.ends.iter().enumerate().skip(start).take(max_length);
        for (end, end_score) in ends {
            let span = Span { start, end, score: start_score * end_score };
            let place = best.partition_point(|other| other.score >= span.score);
            if place < top_k {
                best.insert(place, span);
                best.truncate(top_k);
            }
        }
    }
    best.retain(|span| scores.candidates[span.start] && scores.candidates[span.end]);
    best
}

/// The logit of a token that is no candidate.
const MASKED: f32 = -10_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_spans_end_after_they_begin() {
        let candidates = [true, false, true, true, true];
        let scores = SpanScores::of(&[0.0, 9.0, 1.5, 3.0, 0.0], &[0.0, 9.0, 4.0, 1.0, 2.0], &candidates);
        let spans: Vec<_> = best_spans(scores.clone(), 2, 2).iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(spans, [(2, 2), (3, 4)]);
        let longest = best_spans(scores, 9, 1);
        assert!(
            longest.iter().all(|span| span.start == span.end && span.start >= 2 || span.score == 0.0),
            "{longest:?}"
        );
    }
}
