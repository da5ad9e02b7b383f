//! Texts to token ids, exactly as Hugging Face's `tokenizers` makes them, for any encoder with BERT's three inputs.
//!
//! What happens to odd texts: an empty one is what begins and ends a text, and nothing between; of a long one the beginning
//! counts, as much as the published tokenizer's own truncation says, and the answer says so; the name of a special token, such as
//! `[SEP]`, is that token.

use amaas_serve::task::{Assets, Embedder, InvalidInput, TaskError, Tokens};
use amaas_wire::Tensor;
use tokenizers::Tokenizer;

/// The task of sentence encoders: a text in, a vector of length 1 out.
///
/// ```
/// use amaas_embed::Embed;
/// use amaas_serve::task::Embedder;
///
/// let embed = Embed::from_tokenizer(include_bytes!("../model/tokenizer.json"))?;
/// let tokens = embed.tokens("A wonderful film.").expect("a text");
/// assert_eq!((tokens.ids, tokens.truncated), (vec![101, 1037, 6919, 2143, 1012, 102], false));
/// # Ok::<(), amaas_serve::task::TaskError>(())
/// ```
pub struct Embed {
    tokenizer: Tokenizer,
}

impl Embed {
    /// The name of the asset with the tokenizer, a `tokenizer.json`.
    pub const TOKENIZER: &'static str = "tokenizer.json";

    /// The task with the tokenizer `json`.
    ///
    /// # Errors
    /// When it is none, or does not say how long a text may be: nothing else tells how many positions the network has.
    pub fn from_tokenizer(json: &[u8]) -> Result<Self, TaskError> {
        let failed = |what: String| TaskError::new(format!("{}: {what}", Self::TOKENIZER));
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| failed(error.to_string()))?;
        if tokenizer.get_truncation().is_none() {
            return Err(failed(
                "expected a truncation with the most tokens that the network takes, got none".to_owned(),
            ));
        }
        // Rows are padded to what they are run with.
        tokenizer.with_padding(None);
        Ok(Self { tokenizer })
    }
}

impl Embedder for Embed {
    const NAME: &'static str = "embed";
    const EXAMPLE: &'static str = r#""The cat sleeps on the warm roof.""#;
    const OUTPUT: &'static str = "sentence_embedding";

    fn from_assets(assets: &Assets) -> Result<Self, TaskError> {
        Self::from_tokenizer(assets.bytes(Self::TOKENIZER)?)
    }

    fn tokens(&self, text: &str) -> Result<Tokens, InvalidInput> {
        let mut length = FIRST;
        loop {
            let part = beginning(text, length);
            let encoding = self.tokenizer.encode_fast(part, true);
            let encoding = encoding.map_err(|_| InvalidInput::new("the tokenizer refused a text"))?;
            let cut = !encoding.get_overflowing().is_empty();
            let whole = part.len() == text.len();
            if cut || whole || part.len() >= LONGEST {
                let ids = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
                return Ok(Tokens { ids, truncated: cut || !whole });
            }
            length *= 4;
        }
    }

    fn encode(&self, rows: &[Tokens], length: usize) -> Result<Vec<Tensor>, InvalidInput> {
        let tensor = |name, value: fn(Option<&i64>) -> i64| {
            let values = rows.iter().flat_map(|row| (0..length).map(move |at| value(row.ids.get(at))));
            let data: Vec<i64> = values.collect();
            Tensor::new(name, vec![rows.len(), length], data).map_err(InvalidInput::new)
        };
        Ok(vec![
            // What stands where nothing is read does not matter, but has to be an id.
            tensor("input_ids", |id| id.copied().unwrap_or_default())?,
            tensor("attention_mask", |id| i64::from(id.is_some()))?,
            tensor("token_type_ids", |_| 0)?,
        ])
    }
}

/// The first `length` bytes of `text` and the rest of the word there, but no more than [`LONGEST`]. Nothing of what stands behind
/// white space changes the tokens before it.
fn beginning(text: &str, length: usize) -> &str {
    let Some(rest) = text.as_bytes().get(length.min(LONGEST)..) else { return text };
    let word = rest.iter().take(LONGEST).position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let end = word.map_or(LONGEST, |word| length + word);
    &text[..text.floor_char_boundary(end.min(LONGEST))]
}

/// Bytes of a text that are read first: 512 tokens of most languages, and a fraction of a millisecond.
const FIRST: usize = 4 << 10;
/// Bytes of a text that are read at most. They hold 512 tokens but for a single word, or white space, of that length.
const LONGEST: usize = 1 << 20;

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
        for case in cases {
            let text = match case["repeat"].as_object() {
                Some(repeat) => {
                    let times = repeat["times"].as_u64().expect("a number");
                    repeat["unit"].as_str().expect("text").repeat(usize::try_from(times).expect("small"))
                }
                None => case["text"].as_str().expect("text").to_owned(),
            };
            let ids: Vec<i64> = serde_json::from_value(case["ids"].clone()).expect("ids");
            let expected = Tokens { ids, truncated: case["truncated"] == true };
            assert_eq!(embed.tokens(&text), Ok(expected), "{}", case["name"]);
        }
    }

    #[test]
    fn a_long_text_is_read_as_far_as_it_matters() {
        let embed = embed();
        // Begins with white space and control characters, of which no tokens come.
        for nothing in [" ", "\u{1}", "\u{301}", "\t\u{2}"] {
            let text = format!("{} film", nothing.repeat(10_000));
            assert_eq!(embed.tokens(&text).expect("a text").ids, [101, 2143, 102], "{nothing:?}");
        }
        let begun = std::time::Instant::now();
        let tokens = embed.tokens(&"word ".repeat(3 << 20)).expect("a text");
        assert!(tokens.truncated && tokens.ids.len() == 128);
        assert!(begun.elapsed().as_secs() < 2, "all of it was read: {:?}", begun.elapsed());
        let one = embed.tokens(&"ab".repeat(2 << 20)).expect("a text");
        assert_eq!(one, Tokens { ids: vec![101, 100, 102], truncated: true }, "one word is never read further");
    }

    #[test]
    fn the_beginning_ends_at_white_space_or_at_the_bound() {
        assert_eq!(beginning("ab cd", 1), "ab");
        assert_eq!(beginning("ab cd", 2), "ab");
        assert_eq!(beginning("ab cd", 9), "ab cd");
        // A vertical tab is dropped by the tokenizer, so that it parts no words.
        assert_eq!(beginning("ab\u{b}cd\nef", 1), "ab\u{b}cd");
        let long = "é".repeat(LONGEST);
        assert_eq!(beginning(&long, 7).len(), LONGEST);
        assert_eq!(beginning(&format!("a{long}"), 7).len(), LONGEST - 1);
    }

    #[test]
    fn rows_are_padded_behind() {
        let rows = [Tokens { ids: vec![5, 6], truncated: false }, Tokens { ids: vec![7], truncated: false }];
        let tensors = embed().encode(&rows, 3).expect("tensors");
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
