//! The sentiment task: reviews to word ids, exactly as Keras makes them, and a probability to a label.
//!
//! Edge cases: a text without words is the start id alone. A word outside the vocabulary, such as an emoji, is the out-of-vocabulary
//! id. HTML is text, so `<br />` is the word `br`. A long text keeps its last 256 ids; the start id is dropped first.

use std::collections::HashMap;

use amaas_serve::task::{InvalidInput, TaskError};
use amaas_serve::task::{RowTask, TaskContext, checkpoint};
use amaas_wire::Tensor;
use amaas_wire::task::TextClassification;

/// The task of the IMDB network: a review in, `positive` or `negative` out.
///
/// ```
/// use amaas_sentiment::Sentiment;
///
/// let sentiment = Sentiment::from_words("the\nand\n")?;
/// assert_eq!(sentiment.ids("The END")[..4], [1, 4, 2, 0]);
/// # Ok::<(), amaas_serve::task::TaskError>(())
/// ```
pub struct Sentiment {
    ids: HashMap<Box<str>, i64>,
}

impl Sentiment {
    /// The name of the asset with the words of the vocabulary.
    pub const WORDS: &'static str = "words.txt";

    /// The task with the vocabulary `words`: one word a line, the most frequent first.
    ///
    /// # Errors
    /// The vocabulary is longer than the network's embedding.
    pub fn from_words(words: &str) -> Result<Self, TaskError> {
        // Only \n ends a line: other white space characters are words of this vocabulary.
        let words = words.strip_suffix('\n').unwrap_or(words).split('\n');
        let ids: HashMap<_, _> = words.zip(FIRST_WORD_ID..).map(|(word, id)| (Box::from(word), id)).collect();
        if ids.len() > MAX_VOCABULARY {
            let got = ids.len();
            return Err(TaskError::new(format!("{}: expected at most {MAX_VOCABULARY} words, got {got}", Self::WORDS)));
        }
        Ok(Self { ids })
    }

    /// The 256 ids of `text`, padded with 0 behind the words.
    pub fn ids(&self, text: &str) -> Vec<i64> {
        // From the end, so that a long text costs no more than its last words. The whole text is read only if those are too few.
        let end = text.ceil_char_boundary(text.len().saturating_sub(FIRST_READ_BYTES));
        let mut ids = if end > 0 { self.last_ids(&text[end..], TextStart::Cut) } else { Vec::new() };
        if ids.len() < SEQUENCE_LENGTH {
            ids = self.last_ids(text, TextStart::Whole);
        }
        if ids.len() < SEQUENCE_LENGTH {
            ids.push(START);
        }
        ids.reverse();
        ids.resize(SEQUENCE_LENGTH, PADDING);
        ids
    }

    /// The ids of the last words of `text`, at most 256, the last one first.
    fn last_ids(&self, text: &str, beginning: TextStart) -> Vec<i64> {
        let lower = text.to_lowercase();
        let words = match beginning {
            TextStart::Whole => &lower[..],
            // The first word may be incomplete.
            TextStart::Cut => lower.find(is_filter).map_or("", |cut| &lower[cut..]),
        };
        let words = words.split(is_filter).filter(|word| !word.is_empty());
        words.rev().take(SEQUENCE_LENGTH).map(|word| self.ids.get(word).copied().unwrap_or(OUT_OF_VOCABULARY)).collect()
    }
}

/// Where the beginning of a part of a text is.
#[derive(Clone, Copy)]
enum TextStart {
    /// At the beginning of the text.
    Whole,
    /// Anywhere, even within a word.
    Cut,
}

impl RowTask for Sentiment {
    const NAME: &'static str = "sentiment";
    const EXAMPLE: &'static str = r#""A wonderful film, funny and moving from the first scene to the last.""#;
    type Input = String;
    type Prediction = TextClassification;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Self::from_words(context.assets.text(Self::WORDS)?)
    }

    fn preprocess(&self, inputs: &[String]) -> Result<Vec<Tensor>, InvalidInput> {
        let mut ids = Vec::with_capacity(inputs.len() * SEQUENCE_LENGTH);
        for text in inputs {
            ids.extend(self.ids(text));
            checkpoint()?;
        }
        let tensor = Tensor::new("input_ids", vec![inputs.len(), SEQUENCE_LENGTH], ids);
        Ok(vec![tensor.map_err(InvalidInput::new)?])
    }

    fn postprocess(&self, _: &[String], outputs: &[Tensor]) -> Result<Vec<TextClassification>, TaskError> {
        let probability = outputs.iter().find(|output| output.name() == "probability");
        let positive = probability.and_then(|tensor| tensor.data().as_f32());
        let positive = positive.ok_or_else(|| TaskError::new("the network gave no FP32 output \"probability\""))?;
        Ok(positive.iter().map(|positive| classification(*positive)).collect())
    }
}

fn classification(positive: f32) -> TextClassification {
    let negative = 1.0 - positive;
    let (label, probability) = if positive > 0.5 { (POSITIVE, positive) } else { (NEGATIVE, negative) };
    TextClassification {
        label: label.to_owned(),
        probability,
        probabilities: [(NEGATIVE.to_owned(), negative), (POSITIVE.to_owned(), positive)].into(),
    }
}

/// The separators of Keras' `text_to_word_sequence`: its default filters and the space.
fn is_filter(character: char) -> bool {
    matches!(character, ' ' | '!' | '"' | '#'..='&' | '('..='/' | ':'..='@' | '['..='`' | '{'..='~' | '\t' | '\n')
}

/// Ids of one review.
const SEQUENCE_LENGTH: usize = 256;
/// Bytes of a long text that are read first, from its end: 32 for each id.
const FIRST_READ_BYTES: usize = SEQUENCE_LENGTH * 32;
/// Rows of the network's embedding, without the four ids that are no words (0 to 2, and 3, which Keras does not use).
const MAX_VOCABULARY: usize = 10_000 - 4;
const PADDING: i64 = 0;
const START: i64 = 1;
const OUT_OF_VOCABULARY: i64 = 2;
/// Keras' `index_from` is 3, and its index counts from 1.
const FIRST_WORD_ID: i64 = 4;
const POSITIVE: &str = "positive";
const NEGATIVE: &str = "negative";

#[cfg(test)]
mod tests {
    use super::*;

    fn sentiment() -> Sentiment {
        Sentiment::from_words(include_str!("../model/words.txt")).expect("the committed vocabulary")
    }

    #[test]
    fn ids_are_kerass_own() {
        // texts.json was made with Keras' own `text_to_word_sequence`; see model/README.md.
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../model/texts.json")).expect("the committed cases");
        let sentiment = sentiment();
        let cases = cases["cases"].as_array().expect("cases");
        assert!(cases.len() >= 40);
        for case in cases {
            let text = match case["repeat"].as_object() {
                Some(repeat) => {
                    let times = repeat["times"].as_u64().expect("a number");
                    repeat["unit"].as_str().expect("text").repeat(usize::try_from(times).expect("small"))
                }
                None => case["text"].as_str().expect("text").to_owned(),
            };
            let expected: Vec<i64> = serde_json::from_value(case["ids"].clone()).expect("ids");
            assert_eq!(sentiment.ids(&text), expected, "{}", case["name"]);
        }
    }

    #[test]
    fn the_last_words_of_a_long_text_are_the_same_however_much_of_it_is_read() {
        let sentiment = sentiment();
        for unit in ["the film ", "İΣ good. ", "ab\u{2028}Σ, ", "<br />x\t", "."] {
            // The end begins at each byte of the unit.
            for cut in 0..unit.len() {
                let text = unit.repeat(FIRST_READ_BYTES / unit.len() + 2) + &"a".repeat(cut);
                let (read, whole) = (sentiment.ids(&text), sentiment.last_ids(&text, TextStart::Whole));
                let whole: Vec<i64> = whole.into_iter().rev().collect();
                assert!(read.ends_with(&whole) || read[1..].starts_with(&whole), "{unit:?}, cut at {cut}");
            }
        }
    }

    #[test]
    fn filters_are_kerass_own() {
        let kerass = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n ";
        for code in 0..=0xFFFF_u32 {
            let Some(character) = char::from_u32(code) else { continue };
            assert_eq!(is_filter(character), kerass.contains(character), "{character:?}");
        }
    }

    #[test]
    fn labels_have_their_own_probability() {
        let answer = classification(0.25);
        assert_eq!((answer.label.as_str(), answer.probability), ("negative", 0.75));
        let answer = classification(0.75);
        assert_eq!((answer.label.as_str(), answer.probability), ("positive", 0.75));
        assert_eq!(answer.probabilities, [("negative".to_owned(), 0.25), ("positive".to_owned(), 0.75)].into());
    }

    #[test]
    fn a_vocabulary_that_is_too_long_is_refused() {
        assert!(Sentiment::from_words(&format!("{}no word\n", include_str!("../model/words.txt"))).is_err());
    }
}
