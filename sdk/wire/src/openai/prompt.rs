//! The prompt of a request for a completion.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{RequestError, TEXT_ONLY};

/// A prompt is a text, or a list of one.
pub(super) fn text(value: Option<&RawValue>) -> Result<String, RequestError> {
    let value = value.ok_or_else(|| RequestError::missing("prompt"))?;
    let read = serde_json::from_str::<OneText>(value.get());
    match read.map_or_else(|error| crate::json::no_value(&error).map(OneText::Unread), Some) {
        Some(OneText::Text(text)) => Ok(text),
        Some(OneText::Tokens) => Err(refused(format!("prompt: expected {TEXT_ONLY}"))),
        Some(OneText::Unread(what)) => Err(refused(format!("prompt: {what}"))),
        Some(OneText::Several(got)) => Err(refused(format!("prompt: expected one text, got {got}"))),
        None => Err(refused("prompt: expected a text".to_owned())),
    }
}

/// What a prompt can be. Of a list only the first entry is kept.
enum OneText {
    Text(String),
    /// A list that begins with a number or a list.
    Tokens,
    /// A list of so many entries.
    Several(usize),
    /// A text of which nothing can be made, and why.
    Unread(&'static str),
}

impl<'de> Deserialize<'de> for OneText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrList;

        impl<'de> Visitor<'de> for TextOrList {
            type Value = OneText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of one")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneText, E> {
                Ok(OneText::Text(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<OneText, E> {
                Ok(OneText::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneText, A::Error> {
                let first = list.next_element::<&RawValue>()?;
                let mut got = usize::from(first.is_some());
                while list.next_element::<IgnoredAny>()?.is_some() {
                    got += 1;
                }
                let Some(first) = first else { return Ok(OneText::Several(0)) };
                match first.get().as_bytes().first() {
                    Some(b'"') if got == 1 => Ok(match serde_json::from_str(first.get()) {
                        Ok(text) => OneText::Text(text),
                        Err(error) => crate::json::no_value(&error).map_or(OneText::Several(got), OneText::Unread),
                    }),
                    Some(b'[' | b'-' | b'0'..=b'9') => Ok(OneText::Tokens),
                    _ => Ok(OneText::Several(got)),
                }
            }
        }

        deserializer.deserialize_any(TextOrList)
    }
}

fn refused(message: String) -> RequestError {
    RequestError::of("prompt", message)
}
