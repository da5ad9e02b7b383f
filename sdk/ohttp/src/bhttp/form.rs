//! The two forms of a message, which frame their field sections differently.

use super::fields::{FieldSection, write_prefixed};

/// The two forms of a binary HTTP message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageForm {
    /// Each part is preceded by its length (RFC 9292 §3.1).
    #[default]
    KnownLength,
    /// Each part is followed by a zero (RFC 9292 §3.2).
    IndeterminateLength,
}

impl MessageForm {
    pub(super) fn write_section(self, fields: &FieldSection, out: &mut Vec<u8>) {
        match self {
            Self::KnownLength => {
                let mut section = Vec::new();
                fields.write_lines(&mut section);
                write_prefixed(&section, out);
            }
            Self::IndeterminateLength => {
                fields.write_lines(out);
                out.push(0);
            }
        }
    }
}
