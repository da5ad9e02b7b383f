//! Inputs and predictions of the tasks that more than one model shares, so that callers need not write them again.

mod generation;

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error as _, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

pub(crate) use self::generation::Stops;
pub use self::generation::{FinishReason, Generation, Prompt};

/// An image as an input: the bytes of a file as it lies on a disk. In JSON it is a string, base64 with padding
/// (RFC 4648 §4), in lines or in one, or a `data:` URL of that (RFC 2397). Its `Debug` text has the size only.
///
/// ```
/// use amaas_wire::task::Image;
///
/// let image = Image::from(b"GIF89a".to_vec());
/// assert_eq!(serde_json::to_string(&image)?, r#""R0lGODlh""#);
/// assert_eq!(serde_json::from_str::<Image>(r#""R0lG\nODlh\n""#)?.as_bytes(), b"GIF89a");
/// assert_eq!(serde_json::from_str::<Image>(r#""data:image/gif;base64,R0lGODlh""#)?.as_bytes(), b"GIF89a");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "The bytes of an image file, in base64 with padding, or a data: URL of that.", extend("contentEncoding" = "base64"))
)]
pub struct Image(#[cfg_attr(feature = "schema", schemars(with = "String"))] Vec<u8>);

impl Image {
    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Image {
    fn from(file: Vec<u8>) -> Self {
        Self(file)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} bytes)", self.0.len())
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(&self.0, &STANDARD))
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64)
    }
}

struct Base64;

impl Visitor<'_> for Base64 {
    type Value = Image;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image file in base64, with padding")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Image, E> {
        let refused = |got| E::invalid_value(Unexpected::Other(got), &self);
        let text = match text.get(..DATA_URL.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(DATA_URL) => {
                let (of, data) = text.split_once(',').unwrap_or((text, ""));
                let is_base64 =
                    of.rsplit(';').next().is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case("base64"));
                if is_base64 { data } else { return Err(refused("a data: URL without \";base64,\"")) }
            }
            _ => text,
        };
        let decoded = if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
            // Encoders that write mail break lines.
            let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD.decode(text)
        } else {
            STANDARD.decode(text)
        };
        decoded.map(Image).map_err(|_| refused("other text"))
    }
}

const DATA_URL: &str = "data:";

/// What a classifier of texts answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TextClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The probability of every class; they add up to 1.
    pub probabilities: BTreeMap<String, f32>,
}

/// What an embedder answers for a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Embedding {
    /// The vector, of length 1: texts of like meaning have vectors of like direction.
    pub embedding: Vec<f32>,
    /// Tokens of the text that went through the network, those that begin and end it included.
    pub tokens: u64,
    /// Whether the text was longer than the network reads: then the vector is that of its beginning.
    pub truncated: bool,
}

impl Embedding {
    /// The vector of a text that `tokens` tokens of went through the network, whole.
    pub fn new(embedding: Vec<f32>, tokens: u64) -> Self {
        Self { embedding, tokens, truncated: false }
    }

    /// The cosine of the angle to `other`, which is 1 for the same direction: how alike the two texts are. It says nothing of
    /// vectors of different models.
    ///
    /// ```
    /// use amaas_wire::task::Embedding;
    ///
    /// let (a, b) = (Embedding::new(vec![1.0, 0.0], 3), Embedding::new(vec![0.6, 0.8], 3));
    /// assert!((a.similarity(&b) - 0.6).abs() < 1e-6);
    /// ```
    pub fn similarity(&self, other: &Self) -> f32 {
        self.embedding.iter().zip(&other.embedding).map(|(one, other)| one * other).sum()
    }
}

impl TextClassification {
    /// The answer of a classifier that gives every class a probability; of equals the class that sorts first is taken.
    ///
    /// ```
    /// use amaas_wire::task::TextClassification;
    ///
    /// let answer = TextClassification::of([("politics".to_owned(), 0.25), ("sport".to_owned(), 0.75)]);
    /// assert_eq!((answer.label.as_str(), answer.probability), ("sport", 0.75));
    /// ```
    pub fn of(classes: impl IntoIterator<Item = (String, f32)>) -> Self {
        let probabilities: BTreeMap<String, f32> = classes.into_iter().collect();
        let best = probabilities.iter().reduce(|best, class| if class.1 > best.1 { class } else { best });
        let (label, probability) = best.map(|(label, probability)| (label.clone(), *probability)).unwrap_or_default();
        Self { label, probability, probabilities }
    }
}

/// What a classifier of many classes answers: the most probable ones, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct RankedClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The most probable classes, `label` first; how many is up to the model.
    pub top: Vec<Scored>,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Scored {
    /// The class.
    pub label: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl Scored {
    /// A class with its probability.
    pub fn new(label: impl Into<String>, probability: f32) -> Self {
        Self { label: label.into(), probability }
    }
}

impl RankedClassification {
    /// The `most` most probable of `classes`; of equals the earlier one stands first.
    ///
    /// ```
    /// use amaas_wire::task::{RankedClassification, Scored};
    ///
    /// let ranked = RankedClassification::of(vec![Scored::new("a", 0.1), Scored::new("b", 0.7), Scored::new("c", 0.2)], 2);
    /// assert_eq!((ranked.label.as_str(), ranked.probability), ("b", 0.7));
    /// assert_eq!(ranked.top, [Scored::new("b", 0.7), Scored::new("c", 0.2)]);
    /// ```
    pub fn of(mut classes: Vec<Scored>, most: usize) -> Self {
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        classes.truncate(most);
        let (label, probability) =
            classes.first().map(|first| (first.label.clone(), first.probability)).unwrap_or_default();
        Self { label, probability, top: classes }
    }
}

/// An image with texts, as an input: which of them tells best what is in it?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageAndTexts {
    /// The image.
    pub image: Image,
    /// The texts; how many there may be is up to the model, and 4,096 at most.
    #[serde(deserialize_with = "texts")]
    #[cfg_attr(feature = "schema", schemars(length(max = Self::MOST_TEXTS)))]
    pub texts: Vec<String>,
}

/// Reads one text more than there may be, and no further: a short body can hold millions.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Texts;

    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                if texts.len() == ImageAndTexts::MOST_TEXTS {
                    return Err(A::Error::invalid_length(texts.len() + 1, &"at most 4096 texts"));
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_seq(Texts)
}

impl ImageAndTexts {
    /// How many texts are read.
    pub const MOST_TEXTS: usize = 4096;

    /// An image file and texts.
    ///
    /// ```
    /// use amaas_wire::task::ImageAndTexts;
    ///
    /// let input = ImageAndTexts::new(b"GIF89a".to_vec(), ["a cat", "a dog"]);
    /// assert_eq!(serde_json::to_string(&input)?, r#"{"image":"R0lGODlh","texts":["a cat","a dog"]}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn new(image: impl Into<Image>, texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { image: image.into(), texts: texts.into_iter().map(Into::into).collect() }
    }
}

/// What a matcher of images with texts answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct RankedTexts {
    /// All texts, that of the highest score first.
    pub ranked: Vec<ScoredText>,
    /// What the scores come from: the most probable labels of the image, in their order.
    pub labels: Vec<Scored>,
}

/// A text and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ScoredText {
    /// The text.
    pub text: String,
    /// Its place in the input, from 0.
    pub index: usize,
    /// How well it tells what is in the image, -1 to 1: to be compared within one answer only.
    pub score: f32,
}

impl RankedTexts {
    /// `texts` with a score each, in their order; of equals the earlier one stands first.
    ///
    /// ```
    /// use amaas_wire::task::RankedTexts;
    ///
    /// let ranked = RankedTexts::of([("a", 0.1), ("b", 0.7), ("c", 0.1)], vec![]);
    /// let texts: Vec<_> = ranked.ranked.iter().map(|text| (text.text.as_str(), text.index)).collect();
    /// assert_eq!(texts, [("b", 1), ("a", 0), ("c", 2)]);
    /// ```
    pub fn of<T: Into<String>>(texts: impl IntoIterator<Item = (T, f32)>, labels: Vec<Scored>) -> Self {
        let scored = |(index, (text, score)): (usize, (T, f32))| ScoredText { text: text.into(), index, score };
        let mut ranked: Vec<_> = texts.into_iter().enumerate().map(scored).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        Self { ranked, labels }
    }
}

/// What a reader of handwritten digits answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct DigitClassification {
    /// The most probable digit, 0 to 9.
    #[cfg_attr(feature = "schema", schemars(range(max = 9)))]
    pub digit: u8,
    /// The probability of `digit`, 0 to 1.
    pub probability: f32,
    /// The probabilities of 0 to 9, in this order; they add up to 1.
    pub probabilities: [f32; 10],
}

impl DigitClassification {
    /// The answer for the probabilities of 0 to 9; of equals the smaller digit is taken.
    ///
    /// ```
    /// use amaas_wire::task::DigitClassification;
    ///
    /// let answer = DigitClassification::of([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75, 0.25, 0.0]);
    /// assert_eq!((answer.digit, answer.probability), (7, 0.75));
    /// ```
    pub fn of(probabilities: [f32; 10]) -> Self {
        let best = |best: (u8, f32), (digit, probability): (u8, &f32)| {
            if *probability > best.1 { (digit, *probability) } else { best }
        };
        let (digit, probability) = (0..).zip(&probabilities).fold((0, 0.0), best);
        Self { digit, probability, probabilities }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_base64_in_any_lines_or_a_url_of_that() {
        let gif = |text: &str| serde_json::from_value::<Image>(text.into()).map(|image| image.0);
        for text in [
            "R0lGODlh",
            "R0lG\nODlh\n",
            " R0lG\r\n\tODlh",
            "data:image/gif;base64,R0lGODlh",
            "DATA:;BASE64,R0lG\nODlh",
            "data:image/gif;name=a;base64,R0lGODlh",
        ] {
            assert_eq!(gif(text).expect(text), b"GIF89a", "{text:?}");
        }
        for (text, got) in [
            ("R0lGODl", "other text"),
            ("R0lG\u{b}ODlh", "other text"),
            ("https://example.org/a.gif", "other text"),
            ("data:image/gif,GIF89a", "a data: URL without \";base64,\""),
            ("data:", "a data: URL without \";base64,\""),
            ("dat", "other text"),
        ] {
            let error = gif(text).expect_err(text).to_string();
            assert_eq!(
                error,
                format!("invalid value: {got}, expected an image file in base64, with padding"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_list_of_texts_is_read_up_to_its_bound() {
        let read = |texts: usize| {
            let texts = vec![r#""""#; texts].join(",");
            serde_json::from_str::<ImageAndTexts>(&format!(r#"{{"image":"","texts":[{texts}]}}"#))
        };
        assert_eq!(read(ImageAndTexts::MOST_TEXTS).expect("as many as there may be").texts.len(), 4096);
        let error = read(ImageAndTexts::MOST_TEXTS + 1).expect_err("one too many").to_string();
        assert!(error.contains("expected at most 4096 texts"), "{error}");
    }
}
