//! The `input` of a request for embeddings.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Unexpected, Visitor};

use super::error::RequestError;
use super::list_request::{ReadState, RequestList};

/// What is embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbeddingInput {
    /// Texts: one for a string, each of a list.
    Texts(Vec<String>),
    /// The token ids of texts, special tokens included. They are those of the model's own tokenizer.
    TokenIds(Vec<Vec<u32>>),
}

impl EmbeddingInput {
    /// The number of inputs.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::TokenIds(lists) => lists.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RequestList for EmbeddingInput {
    const NAME: &'static str = "input";

    fn read<'de, D: Deserializer<'de>>(state: &mut ReadState, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor(state))
    }
}

/// Reads `input`. The first entry of a list says what the others have to be.
struct InputVisitor<'a>(&'a mut ReadState);

impl<'de> Visitor<'de> for InputVisitor<'_> {
    type Value = EmbeddingInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<EmbeddingInput, E> {
        Ok(EmbeddingInput::Texts(vec![text.to_owned()]))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<EmbeddingInput, E> {
        Ok(EmbeddingInput::Texts(vec![text]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EmbeddingInput, A::Error> {
        let state = self.0;
        match list.next_element_seed(EntrySeed(EntryKind::Any))? {
            None => Err(state.fail(refused("input: expected at least one input, got none"))),
            Some(InputEntry::Id(id)) => {
                let mut ids = vec![id];
                while let Some(TokenId(id)) = list.next_element()? {
                    ids.push(id);
                }
                Ok(EmbeddingInput::TokenIds(vec![ids]))
            }
            Some(InputEntry::Text(text)) => {
                let next = |entry| if let InputEntry::Text(text) = entry { Some(text) } else { None };
                others(state, list, EntryKind::Text, text, next).map(EmbeddingInput::Texts)
            }
            Some(InputEntry::Ids(ids)) => {
                let lists = others(state, list, EntryKind::Ids, ids, InputEntry::ids)?;
                if let Some(index) = lists.iter().position(Vec::is_empty) {
                    let message = format!("input[{index}]: expected at least one token id, got none");
                    return Err(state.fail(refused(&message)));
                }
                Ok(EmbeddingInput::TokenIds(lists))
            }
        }
    }
}

/// Reads entries of `kind` after the `first` one, and stops at one too many.
fn others<'de, A: SeqAccess<'de>, T>(
    state: &mut ReadState,
    mut list: A,
    kind: EntryKind,
    first: T,
    value: impl Fn(InputEntry) -> Option<T>,
) -> Result<Vec<T>, A::Error> {
    let mut entries = vec![first];
    while entries.len() < state.limit {
        match list.next_element_seed(EntrySeed(kind))?.and_then(&value) {
            Some(entry) => entries.push(entry),
            None => return Ok(entries),
        }
    }
    match list.next_element::<IgnoredAny>()? {
        Some(IgnoredAny) => {
            let message = format!("input: expected at most {} inputs, got more", state.limit);
            Err(state.fail(refused(&message)))
        }
        None => Ok(entries),
    }
}

/// An entry of a list.
enum InputEntry {
    Text(String),
    Id(u32),
    Ids(Vec<u32>),
}

impl InputEntry {
    fn ids(self) -> Option<Vec<u32>> {
        if let Self::Ids(ids) = self { Some(ids) } else { None }
    }
}

/// The entries that a list may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    Any,
    Text,
    Ids,
}

/// Reads an entry of a kind.
struct EntrySeed(EntryKind);

impl<'de> DeserializeSeed<'de> for EntrySeed {
    type Value = InputEntry;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<InputEntry, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed {
    type Value = InputEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            EntryKind::Any => "a text, a token id or a list of token ids",
            EntryKind::Text => "a text",
            EntryKind::Ids => "a list of token ids",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<InputEntry, E> {
        match self.0 {
            EntryKind::Any | EntryKind::Text => Ok(InputEntry::Text(text.to_owned())),
            EntryKind::Ids => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<InputEntry, E> {
        match self.0 {
            EntryKind::Any => token_id(id).map(InputEntry::Id),
            EntryKind::Text | EntryKind::Ids => Err(E::invalid_type(Unexpected::Unsigned(id), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<InputEntry, A::Error> {
        if self.0 == EntryKind::Text {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut ids = Vec::new();
        while let Some(TokenId(id)) = list.next_element()? {
            ids.push(id);
        }
        Ok(InputEntry::Ids(ids))
    }
}

/// A token id.
struct TokenId(u32);

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TokenIdVisitor).map(Self)
    }
}

struct TokenIdVisitor;

impl Visitor<'_> for TokenIdVisitor {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token id")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<u32, E> {
        token_id(id)
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<u32, E> {
        Err(E::invalid_value(Unexpected::Signed(id), &self))
    }
}

fn token_id<E: Error>(id: u64) -> Result<u32, E> {
    u32::try_from(id).map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &TokenIdVisitor))
}

fn refused(message: &str) -> RequestError {
    RequestError::of("input", message.to_owned())
}
