//! The prompt of a request for a completion.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::RequestError;
use super::limits::TEXT_ONLY;
use crate::json_fault::unreadable_value;

/// Reads a prompt: a text, or a list of one.
pub(super) fn text(value: Option<&RawValue>) -> Result<String, RequestError> {
    let value = value.ok_or_else(|| RequestError::missing("prompt"))?;
    let read = serde_json::from_str::<PromptText>(value.get());
    match read.map_or_else(|error| unreadable_value(&error).map(PromptText::Unread), Some) {
        Some(PromptText::Text(text)) => Ok(text),
        Some(PromptText::Tokens) => Err(refused(format!("prompt: expected {TEXT_ONLY}"))),
        Some(PromptText::Unread(what)) => Err(refused(format!("prompt: {what}"))),
        Some(PromptText::Several(got)) => Err(refused(format!("prompt: expected one text, got {got}"))),
        None => Err(refused("prompt: expected a text".to_owned())),
    }
}

/// A prompt in JSON. Only the first entry of a list is kept.
enum PromptText {
    Text(String),
    /// A list that begins with a number or a list.
    Tokens,
    /// A list of that many entries.
    Several(usize),
    /// A text that cannot be read, and why.
    Unread(&'static str),
}

impl<'de> Deserialize<'de> for PromptText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PromptVisitor;

        impl<'de> Visitor<'de> for PromptVisitor {
            type Value = PromptText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of one")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PromptText, E> {
                Ok(PromptText::Text(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<PromptText, E> {
                Ok(PromptText::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PromptText, A::Error> {
                let first = list.next_element::<&RawValue>()?;
                let mut got = usize::from(first.is_some());
                while list.next_element::<IgnoredAny>()?.is_some() {
                    got += 1;
                }
                let Some(first) = first else { return Ok(PromptText::Several(0)) };
                match first.get().as_bytes().first() {
                    Some(b'"') if got == 1 => Ok(match serde_json::from_str(first.get()) {
                        Ok(text) => PromptText::Text(text),
                        Err(error) => unreadable_value(&error).map_or(PromptText::Several(got), PromptText::Unread),
                    }),
                    Some(b'[' | b'-' | b'0'..=b'9') => Ok(PromptText::Tokens),
                    _ => Ok(PromptText::Several(got)),
                }
            }
        }

        deserializer.deserialize_any(PromptVisitor)
    }
}

fn refused(message: String) -> RequestError {
    RequestError::of("prompt", message)
}
