//! A section of header or trailer fields.

use std::fmt;

use super::error::BhttpError;
use crate::varint;

/// Field lines in their order, with names in lower case. Each is valid, because only [`push`](Self::push) adds one.
///
/// `Debug` shows names only, because values carry keys and payload.
///
/// ```
/// use amaas_ohttp::bhttp::FieldSection;
///
/// let mut fields = FieldSection::default();
/// fields.push("Authorization", "Bearer secret")?;
/// assert_eq!(fields.value("authorization"), Some(&b"Bearer secret"[..]));
/// assert_eq!(format!("{fields:?}"), "FieldSection([\"authorization\"])");
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FieldSection {
    lines: Vec<(String, Vec<u8>)>,
}

impl FieldSection {
    /// Appends a line; its name is put into lower case.
    ///
    /// # Errors
    /// [`BhttpError::FieldName`], [`BhttpError::PseudoField`] or [`BhttpError::FieldValue`].
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), BhttpError> {
        let (name, value) = (name.as_ref(), value.as_ref());
        if name.first() == Some(&b':') {
            return Err(BhttpError::PseudoField);
        }
        if !is_token(name) {
            return Err(BhttpError::FieldName);
        }
        let blank_ends = [value.first(), value.last()].into_iter().flatten().any(|end| matches!(end, b' ' | b'\t'));
        if blank_ends || value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(BhttpError::FieldValue);
        }
        let name = name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
        self.lines.push((name, value.to_vec()));
        Ok(())
    }

    /// The value of the first line with that name, in lower case.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|line| line.0 == name).map(|line| line.1)
    }

    /// Name and value of each line, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Appends the lines without the framing of the section.
    pub(super) fn write_lines(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            write_prefixed(name.as_bytes(), out);
            write_prefixed(value, out);
        }
    }
}

impl fmt::Debug for FieldSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(|line| line.0).collect();
        f.debug_tuple("FieldSection").field(&names).finish()
    }
}

/// Appends the length of `bytes` and `bytes`.
pub(super) fn write_prefixed(bytes: &[u8], out: &mut Vec<u8>) {
    varint::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Whether `bytes` is a token (RFC 9110 §5.6.2), which field names and methods are.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_line_is_named() {
        for (name, value, expected) in [
            ("", "x", BhttpError::FieldName),
            ("a b", "x", BhttpError::FieldName),
            ("é", "x", BhttpError::FieldName),
            (":path", "/", BhttpError::PseudoField),
            ("a", "x\ny", BhttpError::FieldValue),
            ("a", "x\0", BhttpError::FieldValue),
            ("a", " x", BhttpError::FieldValue),
            ("a", "x\t", BhttpError::FieldValue),
        ] {
            assert_eq!(FieldSection::default().push(name, value), Err(expected), "{name}: {value}");
        }
        assert_eq!(FieldSection::default().push("a", ""), Ok(()), "an empty value is allowed");
    }
}
