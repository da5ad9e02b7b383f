//! Texts to token ids, exactly as Hugging Face's `tokenizers` makes them, for any encoder with BERT's three inputs.
//!
//! Edge cases: an empty text is the first and the last special token. A long text is truncated as the published tokenizer says, and the
//! answer reports it. The name of a special token, such as `[SEP]`, is that token. A long text whose beginning has too few tokens, such
//! as one word or white space of many kilobytes, is refused: tokenizing it would take far longer than running the network.

use std::sync::OnceLock;

use amaas_serve::task::{InvalidInput, TaskError};
use amaas_serve::task::{TaskContext, TextEncoder, TextTokens};
use amaas_wire::Tensor;
use tokenizers::{Encoding, Tokenizer};

/// The task of sentence encoders: a text in, a vector of length 1 out.
///
/// ```
/// use amaas_embed::Embed;
/// use amaas_serve::task::TextEncoder;
///
/// let embed = Embed::from_tokenizer(include_bytes!("../model/tokenizer.json"))?;
/// let tokens = embed.tokens("A wonderful film.").expect("a text");
/// assert_eq!((tokens.ids, tokens.truncated), (vec![101, 1037, 6919, 2143, 1012, 102], false));
/// # Ok::<(), amaas_serve::task::TaskError>(())
/// ```
pub struct Embed {
    tokenizer: Tokenizer,
    /// The same tokenizer without truncation.
    whole: OnceLock<Tokenizer>,
    /// The most bytes of a text that are read.
    max_bytes: usize,
}

impl Embed {
    /// The name of the asset with the tokenizer, a `tokenizer.json`.
    pub const TOKENIZER: &'static str = "tokenizer.json";

    /// The task with the tokenizer `json`.
    ///
    /// # Errors
    /// `json` is no tokenizer, or has no truncation: the number of the network's positions is written nowhere else.
    pub fn from_tokenizer(json: &[u8]) -> Result<Self, TaskError> {
        let failed = |what: String| TaskError::new(format!("{}: {what}", Self::TOKENIZER));
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| failed(error.to_string()))?;
        let Some(truncation) = tokenizer.get_truncation() else {
            return Err(failed(
                "expected a truncation with the most tokens that the network takes, got none".to_owned(),
            ));
        };
        let max_bytes = truncation.max_length.saturating_mul(MAX_BYTES_PER_TOKEN).max(FIRST_READ_BYTES);
        // Rows are padded to the longest row of their run.
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, whole: OnceLock::new(), max_bytes })
    }
}

impl TextEncoder for Embed {
    const NAME: &'static str = "embed";
    const EXAMPLE: &'static str = r#""The cat sleeps on the warm roof.""#;
    const OUTPUT: &'static str = "sentence_embedding";

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Self::from_tokenizer(context.assets.bytes(Self::TOKENIZER)?)
    }

    fn tokens(&self, text: &str) -> Result<TextTokens, InvalidInput> {
        let mut length = FIRST_READ_BYTES;
        loop {
            let (part, at_word) = beginning(text, length.min(self.max_bytes));
            // Only `encode` reports the word of each token; it is slower.
            let tokenizer = &self.tokenizer;
            let encoding = if at_word { tokenizer.encode_fast(part, true) } else { tokenizer.encode(part, true) };
            let encoding = encoding.map_err(|_| InvalidInput::new("the tokenizer refused a text"))?;
            let cut = !encoding.get_overflowing().is_empty();
            let whole = part.len() == text.len();
            // A word that is cut may have other tokens than the whole word, so it must come after the tokens that count.
            if whole || (cut && (at_word || counts_no_last_word(&encoding))) {
                let ids = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
                return Ok(TextTokens { ids, truncated: cut });
            }
            if length >= self.max_bytes {
                let (most, got, tokens) = (self.max_bytes, text.len(), encoding.len());
                return Err(InvalidInput::new(format!(
                    "expected at most {most} bytes where the first of them do not hold {} tokens, got {got} bytes",
                    if cut { tokens } else { tokens.max(self.max_bytes / MAX_BYTES_PER_TOKEN) }
                )));
            }
            length *= 4;
        }
    }

    fn count(&self, text: &str) -> Option<usize> {
        // A longer text is not read completely.
        let text = Some(text).filter(|text| text.len() <= self.max_bytes)?;
        // The tokenizer stops at its truncation, so another one has to count. It is made once, for clients that refuse truncation.
        let whole = self.whole.get_or_init(|| {
            let mut whole = self.tokenizer.clone();
            // Removing the truncation cannot fail.
            let _ = whole.with_truncation(None);
            whole
        });
        Some(whole.encode_fast(text, true).ok()?.len())
    }

    fn tensors(&self, rows: &[TextTokens], length: usize) -> Result<Vec<Tensor>, InvalidInput> {
        let tensor = |name, value: fn(Option<&i64>) -> i64| {
            let values = rows.iter().flat_map(|row| (0..length).map(move |at| value(row.ids.get(at))));
            let data: Vec<i64> = values.collect();
            Tensor::new(name, vec![rows.len(), length], data).map_err(InvalidInput::new)
        };
        Ok(vec![
            // The id at a masked position does not matter, but has to be valid.
            tensor("input_ids", |id| id.copied().unwrap_or_default())?,
            tensor("attention_mask", |id| i64::from(id.is_some()))?,
            tensor("token_type_ids", |_| 0)?,
        ])
    }
}

/// About the first `length` bytes of `text`, and whether they end at the end of a word: at the last white space in their second half,
/// if there is any. Text after white space does not change the tokens before it.
fn beginning(text: &str, length: usize) -> (&str, bool) {
    if text.len() <= length {
        return (text, true);
    }
    let half = length / 2;
    let space = text.as_bytes()[half..length].iter().rposition(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    match space {
        Some(at) => (&text[..half + at], true),
        None => (&text[..text.floor_char_boundary(length)], false),
    }
}

/// Whether no token that counts belongs to the last word that was read: its tokens overflow.
fn counts_no_last_word(encoding: &Encoding) -> bool {
    let last = |encoding: &Encoding| encoding.get_word_ids().iter().rev().find_map(|word| *word);
    let read = encoding.get_overflowing().last().and_then(last);
    read.is_some() && read != last(encoding)
}

/// Bytes of a text that are read first: 512 tokens of most languages, in a fraction of a millisecond.
const FIRST_READ_BYTES: usize = 4 << 10;
/// The most bytes of a text that are read for each token of the network's input. A token has 1 to 6 bytes in any script that the
/// tokenizer knows. An unknown word is one token of some 10 to 60 bytes. Reading 128 bytes takes as long as a small network's run on a
/// token.
const MAX_BYTES_PER_TOKEN: usize = 128;

#[cfg(test)]
mod tests {
    use amaas_wire::TensorData;

    use super::*;

    fn embed() -> Embed {
        Embed::from_tokenizer(include_bytes!("../model/tokenizer.json")).expect("the committed tokenizer")
    }

    #[test]
    fn ids_are_pythons_own() {
        // texts.json was made with Python's `tokenizers`; see model/README.md.
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../model/texts.json")).expect("the committed cases");
        let embed = embed();
        let cases = cases["cases"].as_array().expect("cases");
        assert!(cases.len() >= 60);
        let mut refused = 0;
        for case in cases {
            let text = match case["repeat"].as_object() {
                Some(repeat) => {
                    let times = repeat["times"].as_u64().expect("a number");
                    repeat["unit"].as_str().expect("text").repeat(usize::try_from(times).expect("small"))
                }
                None => case["text"].as_str().expect("text").to_owned(),
            };
            let ids: Vec<i64> = serde_json::from_value(case["ids"].clone()).expect("ids");
            let expected = TextTokens { ids, truncated: case["truncated"] == true };
            // A text that is too long to be read completely, and has too few tokens at its beginning, is refused.
            if text.len() > embed.max_bytes && !expected.truncated {
                embed.tokens(&text).expect_err(case["name"].as_str().expect("text"));
                refused += 1;
                continue;
            }
            assert_eq!(embed.tokens(&text), Ok(expected), "{}", case["name"]);
        }
        assert_eq!(refused, 2, "the word of 100,000 characters, and 20,000 spaces");
    }

    #[test]
    fn a_long_text_is_read_as_far_as_it_matters() {
        let embed = embed();
        // Begins with white space and control characters, which have no tokens.
        for nothing in [" ", "\u{1}", "\u{301}", "\t\u{2}"] {
            let text = format!("{} film", nothing.repeat(16_000 / nothing.len()));
            assert_eq!(embed.tokens(&text).expect("a text").ids, [101, 2143, 102], "{nothing:?}");
        }
        let begun = std::time::Instant::now();
        let tokens = embed.tokens(&"word ".repeat(3 << 20)).expect("a text");
        assert!(tokens.truncated && tokens.ids.len() == 128);
        assert!(begun.elapsed().as_secs() < 2, "all of it was read: {:?}", begun.elapsed());
        // Without white space, words are recognised by their characters.
        let cjk = embed.tokens(&"猫犬".repeat(1 << 19)).expect("a text");
        assert_eq!(cjk, TextTokens { truncated: true, ..embed.tokens(&"猫犬".repeat(64)).expect("a text") });
        assert_eq!(cjk.ids.len(), 128);
        let urls = embed.tokens(&"https://example.org/a/b?c=d&".repeat(1 << 16)).expect("a text");
        assert_eq!(urls.ids, embed.tokens(&"https://example.org/a/b?c=d&".repeat(16)).expect("a text").ids);
    }

    #[test]
    fn what_would_take_long_to_read_is_refused_with_its_bound() {
        let embed = embed();
        for (what, text) in [
            ("a word", "ab".repeat(2 << 20)),
            ("white space", " ".repeat(4 << 20)),
            ("a word behind others", format!("{} {}", "film ".repeat(9), "x".repeat(1 << 20))),
            ("kana", "ネコ".repeat(1 << 18)),
        ] {
            let error = embed.tokens(&text).expect_err(what).to_string();
            let expected = "expected at most 16384 bytes where the first of them do not hold 128 tokens, got ";
            assert_eq!(error, format!("{expected}{} bytes", text.len()), "{what}");
        }
        // The largest size that is read completely.
        let word = embed.tokens(&"ab".repeat(8 << 10)).expect("a text");
        assert_eq!(word, TextTokens { ids: vec![101, 100, 102], truncated: false });
    }

    #[test]
    fn the_beginning_ends_at_white_space_where_there_is_any() {
        assert_eq!(beginning("ab cd", 9), ("ab cd", true));
        assert_eq!(beginning("ab cd", 5), ("ab cd", true));
        assert_eq!(beginning("ab cd", 4), ("ab", true));
        assert_eq!(beginning("ab cd", 2), ("ab", false));
        // The tokenizer drops a vertical tab, so it separates no words.
        assert_eq!(beginning("ab\u{b}cdef", 4), ("ab\u{b}c", false));
        assert_eq!(beginning("éé", 3), ("é", false));
    }

    #[test]
    fn all_tokens_of_a_text_are_counted() {
        let embed = embed();
        for words in [0, 1, 126, 127, 300, 2000] {
            assert_eq!(embed.count(&"film ".repeat(words)), Some(words + 2), "{words} words");
        }
        assert_eq!(embed.count(&"film ".repeat(10_000)), None, "more than is read");
    }

    #[test]
    fn rows_are_padded_behind() {
        let rows = [TextTokens { ids: vec![5, 6], truncated: false }, TextTokens { ids: vec![7], truncated: false }];
        let tensors = embed().tensors(&rows, 3).expect("tensors");
        let values = |tensor: &Tensor| match tensor.data() {
            TensorData::Int64(values) => values.to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!(tensors[0].shape(), [2, 3]);
        assert_eq!(values(&tensors[0]), [5, 6, 0, 7, 0, 0]);
        assert_eq!(values(&tensors[1]), [1, 1, 0, 1, 0, 0]);
        assert_eq!(values(&tensors[2]), [0; 6]);
    }

    #[test]
    fn a_tokenizer_that_says_no_length_is_refused() {
        let json = include_str!("../model/tokenizer.json");
        let mut tokenizer: serde_json::Value = serde_json::from_str(json).expect("JSON");
        tokenizer["truncation"] = serde_json::Value::Null;
        let refused = Embed::from_tokenizer(tokenizer.to_string().as_bytes()).err().expect("refused");
        assert!(refused.to_string().contains("expected a truncation"), "{refused}");
        assert!(Embed::from_tokenizer(b"{}").is_err());
    }
}
