//! The text of a sequence of tokens, one a frame.

use std::ops::Range;

use super::CtcVocabulary;

/// The text of a sequence of tokens, one a frame: repeated tokens are one, and blanks are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtcText {
    spans: Vec<TokenSpan>,
    delimiter: String,
    text: String,
}

/// A part of a text, and the frames that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpan {
    /// The part.
    pub text: String,
    /// Its frames.
    pub frames: Range<usize>,
}

impl CtcText {
    /// Decodes the tokens `ids`.
    pub fn decode(vocabulary: &CtcVocabulary, ids: &[usize]) -> Self {
        let mut spans = Vec::new();
        let mut start = 0;
        // Tokens are the same if their texts are.
        for run in ids.chunk_by(|a, b| vocabulary.token(*a) == vocabulary.token(*b)) {
            let frames = start..start + run.len();
            start = frames.end;
            let token = run.first().map_or("", |id| vocabulary.token(*id));
            if token != vocabulary.blank() {
                spans.push(TokenSpan { text: vocabulary.spelled(token).to_owned(), frames });
            }
        }
        let text: String = spans.iter().map(|span| span.text.as_str()).collect();
        Self { text: vocabulary.finished(text.trim()), delimiter: vocabulary.space().to_owned(), spans }
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Its characters, and the spaces between words.
    pub fn characters(&self) -> &[TokenSpan] {
        &self.spans
    }

    /// Its words.
    pub fn words(&self) -> Vec<TokenSpan> {
        let words = self.spans.chunk_by(|a, b| (a.text == self.delimiter) == (b.text == self.delimiter));
        let words = words.filter(|spans| spans.first().is_some_and(|span| span.text != self.delimiter));
        let word = |spans: &[TokenSpan]| {
            let frames = spans.first()?.frames.start..spans.last()?.frames.end;
            Some(TokenSpan { text: spans.iter().map(|span| span.text.as_str()).collect(), frames })
        };
        words.filter_map(word).collect()
    }
}
