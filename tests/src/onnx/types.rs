//! The types of a graph's inputs and outputs.

use super::Dim;
use super::protobuf::Message;

/// The type of a value.
#[derive(Clone, Debug)]
pub struct Type(Message);

impl Type {
    /// A tensor of the datatype `element` of `TensorProto.DataType`; without a shape its dimensions are unknown.
    pub fn tensor(element: i64, shape: Option<&[Dim]>) -> Self {
        let message = Message::default().integer(1, element);
        let message = match shape.map(dims) {
            Some(dims) => message.message(2, &Message::default().messages(1, &dims)),
            None => message,
        };
        Self(Message::default().message(1, &message))
    }

    /// A sequence of such values.
    #[must_use]
    pub fn sequence(self) -> Self {
        Self(Message::default().message(4, &Message::default().message(1, &self.0)))
    }

    /// A map to such values from keys of the datatype `key`.
    #[must_use]
    pub fn map_from(self, key: i64) -> Self {
        Self(Message::default().message(5, &Message::default().integer(1, key).message(2, &self.0)))
    }

    /// Such a value, or nothing.
    #[must_use]
    pub fn optional(self) -> Self {
        Self(Message::default().message(9, &Message::default().message(1, &self.0)))
    }

    pub(super) fn message(&self) -> &Message {
        &self.0
    }
}

fn dims(shape: &[Dim]) -> Vec<Message> {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => Message::default().integer(1, *size),
        Dim::Symbol(symbol) => Message::default().bytes(2, symbol),
    };
    shape.iter().map(dim).collect()
}
