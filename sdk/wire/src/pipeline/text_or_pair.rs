//! A text, or a pair of texts.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A text, or a text with a second one, such as a premise and a hypothesis. In JSON it is a string, or an object.
///
/// ```
/// use amaas_wire::pipeline::TextOrPair;
///
/// let pair: TextOrPair = serde_json::from_str(r#"{"text":"It rains.","text_pair":"It is wet."}"#)?;
/// assert_eq!(pair, TextOrPair::pair("It rains.", "It is wet."));
/// assert_eq!(serde_json::to_string(&TextOrPair::from("It rains."))?, r#""It rains.""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum TextOrPair {
    /// A text.
    Text(String),
    /// Two texts.
    Pair {
        /// The first text.
        text: String,
        /// The second text.
        text_pair: String,
    },
}

impl TextOrPair {
    /// Two texts.
    pub fn pair(text: impl Into<String>, text_pair: impl Into<String>) -> Self {
        Self::Pair { text: text.into(), text_pair: text_pair.into() }
    }

    /// The first text, and the second one if there is one.
    pub fn texts(&self) -> (&str, Option<&str>) {
        match self {
            Self::Text(text) => (text, None),
            Self::Pair { text, text_pair } => (text, Some(text_pair)),
        }
    }
}

impl From<&str> for TextOrPair {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for TextOrPair {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<'de> Deserialize<'de> for TextOrPair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Pair {
            text: String,
            #[serde(default)]
            text_pair: Option<String>,
        }

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = TextOrPair;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an object")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TextOrPair, E> {
                Ok(text.into())
            }

            fn visit_string<E: Error>(self, text: String) -> Result<TextOrPair, E> {
                Ok(text.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<TextOrPair, A::Error> {
                let Pair { text, text_pair } = Pair::deserialize(MapAccessDeserializer::new(members))?;
                Ok(match text_pair {
                    Some(text_pair) => TextOrPair::Pair { text, text_pair },
                    None => TextOrPair::Text(text),
                })
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}
