//! Reviews to word ids, exactly as Keras makes them, and a probability to a label.
//!
//! What happens to odd texts: an empty one, or one of white space or punctuation only, is the start id alone; a word
//! outside the vocabulary (an emoji is one too) is the out-of-vocabulary id; HTML is text, so `<br />` is the word `br`;
//! of a long text the last 256 ids count, and the start id is the first to go.

use std::collections::HashMap;

use amaas_serve::task::{Assets, InvalidInput, Task, TaskError, checkpoint};
use amaas_wire::Tensor;
use amaas_wire::task::TextClassification;

/// The task of the IMDB network: a review in, `positive` or `negative` out.
///
/// ```
/// use amaas_sentiment::Sentiment;
///
/// let sentiment = Sentiment::from_words("the\nand\n")?;
/// assert_eq!(sentiment.ids("The END")?[..4], [1, 4, 2, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sentiment {
    ids: HashMap<Box<str>, i64>,
}

impl Sentiment {
    /// The name of the asset with the words of the vocabulary.
    pub const WORDS: &'static str = "words.txt";
    /// Bytes of a text that are read, from its end: 128 for each word that the network takes.
    pub const READ: usize = LENGTH * 128;

    /// The task with the vocabulary `words`: one word a line, the most frequent first.
    ///
    /// # Errors
    /// When it is not as long as the network's embedding.
    pub fn from_words(words: &str) -> Result<Self, TaskError> {
        // Only \n ends a line here: other characters that count as white space elsewhere are words of this vocabulary.
        let words = words.strip_suffix('\n').unwrap_or(words).split('\n');
        let ids: HashMap<_, _> = words.zip(FIRST_WORD..).map(|(word, id)| (Box::from(word), id)).collect();
        if ids.len() > VOCABULARY {
            let got = ids.len();
            return Err(TaskError::new(format!("{}: expected at most {VOCABULARY} words, got {got}", Self::WORDS)));
        }
        Ok(Self { ids })
    }

    /// The 256 ids of `text`, padded with 0 behind the words.
    ///
    /// # Errors
    /// When the text is longer than [`Self::READ`] and the last so many bytes hold fewer than 256 words.
    pub fn ids(&self, text: &str) -> Result<Vec<i64>, InvalidInput> {
        // From the end, so that a long text costs no more than its last words.
        let end = &text[text.ceil_char_boundary(text.len().saturating_sub(Self::READ))..];
        let lower = end.to_lowercase();
        // Of the first word there the beginning may be missing.
        let words = match (end.len() < text.len(), lower.find(is_filter)) {
            (false, _) => &lower[..],
            (true, cut) => cut.map_or("", |cut| &lower[cut..]),
        };
        let words = words.split(is_filter).filter(|word| !word.is_empty());
        let mut ids: Vec<i64> =
            words.rev().take(LENGTH).map(|word| self.ids.get(word).copied().unwrap_or(OUT_OF_VOCABULARY)).collect();
        if ids.len() < LENGTH && end.len() < text.len() {
            let (most, got) = (Self::READ, text.len());
            return Err(InvalidInput::new(format!(
                "expected at most {most} bytes where the last of them hold fewer than {LENGTH} words, got {got}"
            )));
        }
        if ids.len() < LENGTH {
            ids.push(START);
        }
        ids.reverse();
        ids.resize(LENGTH, PADDING);
        Ok(ids)
    }
}

impl Task for Sentiment {
    const NAME: &'static str = "sentiment";
    const EXAMPLE: &'static str = r#""A wonderful film, funny and moving from the first scene to the last.""#;
    type Input = String;
    type Prediction = TextClassification;

    fn from_assets(assets: &Assets) -> Result<Self, TaskError> {
        Self::from_words(assets.text(Self::WORDS)?)
    }

    fn encode(&self, inputs: &[String]) -> Result<Vec<Tensor>, InvalidInput> {
        let mut ids = Vec::with_capacity(inputs.len() * LENGTH);
        for (index, text) in inputs.iter().enumerate() {
            let of_text = self.ids(text).map_err(|error| InvalidInput::new(format!("inputs[{index}]: {error}")))?;
            ids.extend(of_text);
            checkpoint()?;
        }
        let tensor = Tensor::new("input_ids", vec![inputs.len(), LENGTH], ids);
        Ok(vec![tensor.map_err(InvalidInput::new)?])
    }

    fn decode(&self, outputs: &[Tensor]) -> Result<Vec<TextClassification>, TaskError> {
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

/// Where Keras' `text_to_word_sequence` cuts: at its default filters and at spaces.
fn is_filter(character: char) -> bool {
    matches!(character, ' ' | '!' | '"' | '#'..='&' | '('..='/' | ':'..='@' | '['..='`' | '{'..='~' | '\t' | '\n')
}

/// Ids of one review.
const LENGTH: usize = 256;
/// Rows of the network's embedding, less the four ids that are no words (0 to 2, and 3, which Keras leaves unused).
const VOCABULARY: usize = 10_000 - 4;
const PADDING: i64 = 0;
const START: i64 = 1;
const OUT_OF_VOCABULARY: i64 = 2;
/// Keras' `index_from` is 3, and its index counts from 1.
const FIRST_WORD: i64 = 4;
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
            assert_eq!(sentiment.ids(&text), Ok(expected), "{}", case["name"]);
        }
    }

    #[test]
    fn of_a_long_text_the_last_words_count_and_no_more_is_read() {
        let (sentiment, words) = (sentiment(), "the film ".repeat(200));
        let last = sentiment.ids(&words).expect("a text");
        for before in ["a".repeat(8 << 20), " ".repeat(8 << 20), "İΣ ".repeat(2 << 20)] {
            let begun = std::time::Instant::now();
            assert_eq!(sentiment.ids(&format!("{before} {words}")).expect("256 words stand at its end"), last);
            assert!(begun.elapsed().as_millis() < 500, "all of it was read: {:?}", begun.elapsed());
        }
        // One word too few, and one byte too many.
        let few = format!("{} {}", " ".repeat(Sentiment::READ), "film ".repeat(255));
        let error = sentiment.ids(&few).expect_err("nobody knows what stands before");
        let expected = "expected at most 32768 bytes where the last of them hold fewer than 256 words, got 34044";
        assert_eq!(error.to_string(), expected);
        assert!(sentiment.ids(&few[few.len() - Sentiment::READ..]).is_ok());
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
