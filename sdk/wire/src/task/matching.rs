//! Input and prediction of matchers of images with texts.

use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::classification::ScoredLabel;
use super::image::Image;

/// An image with texts: the input of a matcher, which ranks the texts by how well they describe the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageAndTexts {
    /// The image.
    pub image: Image,
    /// The texts, at most 4,096; a model may allow fewer.
    #[serde(deserialize_with = "texts")]
    #[cfg_attr(feature = "schema", schemars(length(max = Self::MAX_TEXTS)))]
    pub texts: Vec<String>,
}

/// Stops reading after the most texts, because a short body can hold millions.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct TextsVisitor;

    impl<'de> Visitor<'de> for TextsVisitor {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                if texts.len() == ImageAndTexts::MAX_TEXTS {
                    return Err(A::Error::invalid_length(texts.len() + 1, &"at most 4096 texts"));
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_seq(TextsVisitor)
}

impl ImageAndTexts {
    /// The most texts of an input.
    pub const MAX_TEXTS: usize = 4096;

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

/// The prediction of a matcher of images with texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct RankedTexts {
    /// All texts, the highest score first.
    pub ranked: Vec<ScoredText>,
    /// The most probable labels of the image, which the scores are based on, most probable first.
    pub labels: Vec<ScoredLabel>,
}

/// A text and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ScoredText {
    /// The text.
    pub text: String,
    /// Its index in the input.
    pub index: usize,
    /// How well it describes the image, -1 to 1. Scores of different answers are not comparable.
    pub score: f32,
}

impl RankedTexts {
    /// Ranks `texts` by their scores; equal scores keep their order.
    ///
    /// ```
    /// use amaas_wire::task::RankedTexts;
    ///
    /// let ranked = RankedTexts::of([("a", 0.1), ("b", 0.7), ("c", 0.1)], vec![]);
    /// let texts: Vec<_> = ranked.ranked.iter().map(|text| (text.text.as_str(), text.index)).collect();
    /// assert_eq!(texts, [("b", 1), ("a", 0), ("c", 2)]);
    /// ```
    pub fn of<T: Into<String>>(texts: impl IntoIterator<Item = (T, f32)>, labels: Vec<ScoredLabel>) -> Self {
        let scored = |(index, (text, score)): (usize, (T, f32))| ScoredText { text: text.into(), index, score };
        let mut ranked: Vec<_> = texts.into_iter().enumerate().map(scored).collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        Self { ranked, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_texts_is_read_up_to_its_bound() {
        let read = |texts: usize| {
            let texts = vec![r#""""#; texts].join(",");
            serde_json::from_str::<ImageAndTexts>(&format!(r#"{{"image":"","texts":[{texts}]}}"#))
        };
        assert_eq!(read(ImageAndTexts::MAX_TEXTS).expect("as many as there may be").texts.len(), 4096);
        let error = read(ImageAndTexts::MAX_TEXTS + 1).expect_err("one too many").to_string();
        assert!(error.contains("expected at most 4096 texts"), "{error}");
    }
}
