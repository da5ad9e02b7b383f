//! A fixed pseudo-random sequence of texts of 8 to 256 tokens.

use serde_json::json;

/// The texts of the sequence. Of every 16 that follow one another, one is from each sixteenth of the range of lengths. So the mean
/// length hardly depends on the number of texts that a server has answered.
pub(crate) fn texts() -> Vec<String> {
    let mut random = Random::new(11);
    let mut texts = Vec::with_capacity(BLOCKS * STRATA);
    for _ in 0..BLOCKS {
        let span = MAX_TOKENS - MIN_TOKENS + 1;
        let bound = |stratum: usize| MIN_TOKENS + span * stratum / STRATA;
        let mut lengths: Vec<usize> =
            (0..STRATA).map(|stratum| bound(stratum) + random.below(bound(stratum + 1) - bound(stratum))).collect();
        for last in (1..STRATA).rev() {
            lengths.swap(last, random.below(last + 1));
        }
        texts.extend(lengths.into_iter().map(|tokens| text(&mut random, tokens)));
    }
    texts
}

/// Sentences of `tokens` tokens together, at least three: every word and every full stop is one token of `MiniLM`, and two mark the
/// beginning and the end.
pub(crate) fn text(random: &mut Random, tokens: usize) -> String {
    let mut text = String::new();
    let mut left = tokens.saturating_sub(2).max(1);
    while left > 0 {
        let words = (4 + random.below(12)).min(left - 1).max(1);
        for _ in 0..words {
            text.push_str(WORDS[random.below(WORDS.len())]);
            text.push(' ');
        }
        text.pop();
        left -= words;
        if left > 0 {
            text.push_str(". ");
            left -= 1;
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The body of a call with `texts`.
pub(crate) fn call(texts: &[String]) -> Vec<u8> {
    json!({"inputs": texts}).to_string().into_bytes()
}

/// A linear congruential generator, which gives the same numbers in each run.
pub(crate) struct Random(u64);

impl Random {
    /// The generator of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap_or_default()
    }
}

const MIN_TOKENS: usize = 8;
const MAX_TOKENS: usize = 256;
const STRATA: usize = 16;
const BLOCKS: usize = 32;
/// Words that are one token each. The process of the role `texts` checks the lengths.
const WORDS: &[&str] = &[
    "the", "a", "of", "and", "to", "in", "is", "was", "for", "on", "that", "with", "as", "by", "at", "from", "it",
    "an", "be", "this", "which", "or", "are", "were", "has", "have", "had", "not", "but", "one", "two", "three",
    "four", "new", "first", "last", "long", "small", "large", "great", "young", "old", "river", "field", "house",
    "street", "garden", "market", "school", "winter", "summer", "morning", "evening", "water", "bread", "letter",
    "paper", "window", "engine", "machine", "teacher", "doctor", "farmer", "sailor", "child", "mother", "brother",
    "reads", "writes", "carries", "opens", "closes", "builds", "sells", "finds", "keeps", "leaves", "follows",
    "answers", "slowly", "often", "never", "always", "again", "early", "late", "under", "over", "between", "behind",
    "before", "after", "without", "across", "near", "far", "while", "because", "although",
];
