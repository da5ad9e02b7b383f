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

#[cfg(test)]
mod tests {
    use amaas_model::task::Assets;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    /// What `Wav2Vec2CTCTokenizer` of `transformers` 4.41 decodes.
    #[derive(Deserialize)]
    struct Fixture {
        vocabulary: Value,
        cases: Vec<Decoded>,
    }

    #[derive(Deserialize)]
    struct Decoded {
        frames: String,
        lower: bool,
        ids: Vec<usize>,
        text: String,
        characters: Vec<(String, usize, usize)>,
        words: Vec<(String, usize, usize)>,
    }

    fn vocabulary(files: &[(&str, &Value)]) -> Result<CtcVocabulary, String> {
        let files = files.iter().map(|(name, file)| ((*name).to_owned(), file.to_string().into()));
        CtcVocabulary::read(&Assets::new(files)).map_err(|error| error.to_string())
    }

    fn spans(spans: &[TokenSpan]) -> Vec<(String, usize, usize)> {
        spans.iter().map(|span| (span.text.clone(), span.frames.start, span.frames.end)).collect()
    }

    #[test]
    fn frames_decode_as_transformers_decodes_them() {
        let fixture: Fixture = serde_json::from_str(include_str!("transformers.json")).expect("the fixture");
        assert_eq!(fixture.cases.len(), 14);
        // The same vocabulary as tokenizers has it.
        let fast = json!({
            "model": { "type": "WordLevel", "vocab": fixture.vocabulary },
            "decoder": { "type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": true },
        });
        for case in fixture.cases {
            let config = json!({ "do_lower_case": case.lower, "pad_token": { "content": "<pad>" } });
            let config = ("tokenizer_config.json", &config);
            for files in [[("vocab.json", &fixture.vocabulary), config], [("tokenizer.json", &fast), config]] {
                let text = CtcText::decode(&vocabulary(&files).expect("a vocabulary"), &case.ids);
                assert_eq!(spans(text.characters()), case.characters, "{}", case.frames);
                assert_eq!(spans(&text.words()), case.words, "{}", case.frames);
                assert_eq!(text.into_text(), case.text, "{}", case.frames);
            }
        }
    }

    #[test]
    fn a_vocabulary_of_several_languages_has_one_of_them() {
        let languages = json!({ "eng": { "<pad>": 0, "a": 1 }, "deu": { "<pad>": 0, "ä": 1 } });
        let config = |language: &str| json!({ "target_lang": language });
        let german = vocabulary(&[("vocab.json", &languages), ("tokenizer_config.json", &config("deu"))]);
        assert_eq!(CtcText::decode(&german.expect("one"), &[0, 1, 1, 0, 1]).into_text(), "ää");
        let error = vocabulary(&[("vocab.json", &languages), ("tokenizer_config.json", &config("fra"))]);
        assert_eq!(error.expect_err("no such language"), "vocab.json: fra: expected a value, got none");
    }

    #[test]
    fn what_is_no_vocabulary_is_refused() {
        for (files, expected) in [
            (vec![], "expected vocab.json or tokenizer.json with the tokens of a CTC network"),
            (vec![("vocab.json", json!({ "a": "b" }))], "vocab.json: invalid type"),
            (
                vec![("vocab.json", json!({ "a": 0 }))],
                "tokenizer_config.json: pad_token: expected a token of vocab.json",
            ),
            (
                vec![("tokenizer.json", json!({ "model": { "vocab": {} }, "decoder": { "type": "BPEDecoder" } }))],
                "tokenizer.json: decoder: expected one of the type CTC",
            ),
        ] {
            let files: Vec<(&str, &Value)> = files.iter().map(|(name, file)| (*name, file)).collect();
            let error = vocabulary(&files).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
