//! Labelled tokens to entities, as `transformers` aggregates them.

use amaas_model::PredictError;
use amaas_wire::pipeline::{AggregationStrategy, TokenEntity};
use tokenizers::{Decoder, Tokenizer};

use crate::export::ClassLabels;

/// A token with the score of each label.
#[derive(Clone, Debug)]
pub(super) struct LabelledToken {
    pub(super) word: String,
    pub(super) scores: Vec<f32>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it continues the word of the token before it.
    pub(super) continues_word: bool,
}

/// A token or a word with its best label.
struct LabelledWord {
    word: String,
    label: String,
    score: f32,
    start: usize,
    end: usize,
}

/// How tokens become entities.
pub(super) struct EntityRules<'m> {
    pub(super) tokenizer: &'m Tokenizer,
    pub(super) labels: &'m ClassLabels,
    pub(super) strategy: AggregationStrategy,
}

impl EntityRules<'_> {
    /// The entities of `tokens`, in order.
    pub(super) fn entities(&self, tokens: Vec<LabelledToken>) -> Result<Vec<TokenEntity>, PredictError> {
        let words = match self.strategy {
            AggregationStrategy::None | AggregationStrategy::Simple => {
                tokens.into_iter().map(|token| self.token(token)).collect()
            }
            _ => self.words(tokens)?,
        };
        if self.strategy != AggregationStrategy::None {
            return self.groups(words);
        }
        let entity = |LabelledWord { word, label, score, start, end }: LabelledWord| TokenEntity {
            entity_group: None,
            entity: Some(label),
            score,
            word,
            start,
            end,
        };
        Ok(words.into_iter().map(entity).collect())
    }

    fn token(&self, LabelledToken { word, scores, start, end, .. }: LabelledToken) -> LabelledWord {
        let (label, score) = self.best(&scores);
        LabelledWord { word, label, score, start, end }
    }

    /// The label with the highest of `scores`; of equal ones, the first.
    fn best(&self, scores: &[f32]) -> (String, f32) {
        let largest = scores.iter().copied().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        let (index, score) = largest.unwrap_or_default();
        (self.labels.get(index).unwrap_or_default().to_owned(), score)
    }

    /// Words, each with one label for all its tokens.
    fn words(&self, tokens: Vec<LabelledToken>) -> Result<Vec<LabelledWord>, PredictError> {
        let mut words: Vec<Vec<LabelledToken>> = Vec::new();
        for token in tokens {
            match words.last_mut() {
                Some(word) if token.continues_word => word.push(token),
                _ => words.push(vec![token]),
            }
        }
        words.iter().map(|word| self.word(word)).collect()
    }

    fn word(&self, tokens: &[LabelledToken]) -> Result<LabelledWord, PredictError> {
        let first = &tokens[0];
        let (label, score) = match self.strategy {
            AggregationStrategy::Max => {
                let highest = |token: &LabelledToken| token.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let best = tokens.iter().reduce(|best, next| if highest(next) > highest(best) { next } else { best });
                self.best(&best.unwrap_or(first).scores)
            }
            AggregationStrategy::Average => self.best(&mean_scores(tokens)),
            _ => self.best(&first.scores),
        };
        let word = self.text(tokens.iter().map(|token| token.word.clone()).collect())?;
        Ok(LabelledWord { word, label, score, start: first.start, end: tokens[tokens.len() - 1].end })
    }

    /// Adjacent words of one label, as entities. `B-` begins a new entity.
    fn groups(&self, words: Vec<LabelledWord>) -> Result<Vec<TokenEntity>, PredictError> {
        let mut groups: Vec<Vec<LabelledWord>> = Vec::new();
        for word in words {
            let (begins, label) = tag(&word.label);
            match groups.last_mut() {
                Some(group) if !begins && group.last().is_some_and(|last| tag(&last.label).1 == label) => {
                    group.push(word);
                }
                _ => groups.push(vec![word]),
            }
        }
        groups.into_iter().map(|group| self.group(group)).collect()
    }

    #[allow(clippy::cast_precision_loss)] // an entity has few words
    fn group(&self, words: Vec<LabelledWord>) -> Result<TokenEntity, PredictError> {
        let count = words.len();
        let score = words.iter().map(|word| word.score).sum::<f32>() / count as f32;
        let (start, end) = (words[0].start, words[count - 1].end);
        // As `transformers`: what follows the first hyphen.
        let label = words[0].label.split_once('-').map_or(words[0].label.as_str(), |(_, label)| label).to_owned();
        let word = self.text(words.into_iter().map(|word| word.word).collect())?;
        Ok(TokenEntity { entity_group: Some(label), entity: None, score, word, start, end })
    }

    /// Tokens as text.
    fn text(&self, tokens: Vec<String>) -> Result<String, PredictError> {
        match self.tokenizer.get_decoder() {
            Some(decoder) => decoder.decode(tokens).map_err(PredictError::internal),
            None => Ok(tokens.join(" ")),
        }
    }
}

/// The mean score of each label over `tokens`.
#[allow(clippy::cast_precision_loss)] // a word has few tokens
fn mean_scores(tokens: &[LabelledToken]) -> Vec<f32> {
    let mut sums = vec![0.0; tokens[0].scores.len()];
    for token in tokens {
        sums.iter_mut().zip(&token.scores).for_each(|(sum, score)| *sum += score);
    }
    sums.iter().map(|sum| sum / tokens.len() as f32).collect()
}

/// Whether `label` begins an entity, and the label without `B-` or `I-`.
fn tag(label: &str) -> (bool, &str) {
    match (label.strip_prefix("B-"), label.strip_prefix("I-")) {
        (Some(label), _) => (true, label),
        (None, Some(label)) => (false, label),
        (None, None) => (false, label),
    }
}

/// The entities of overlapping windows: of two that overlap the longer one, or the one with the higher score.
pub(super) fn merge_windows(mut entities: Vec<TokenEntity>) -> Vec<TokenEntity> {
    entities.sort_by_key(|entity| entity.start);
    // As in `transformers`, the first entity is compared with itself: if it has no characters, it is listed twice.
    let mut merged: Vec<TokenEntity> = entities.first().cloned().into_iter().collect();
    for entity in entities {
        match merged.last_mut() {
            Some(last) if (last.start..last.end).contains(&entity.start) => {
                let (length, last_length) = (entity.end - entity.start, last.end - last.start);
                if length > last_length || (length == last_length && entity.score > last.score) {
                    *last = entity;
                }
            }
            _ => merged.push(entity),
        }
    }
    merged
}
