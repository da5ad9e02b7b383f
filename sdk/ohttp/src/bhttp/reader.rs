//! The elements of the format, read from bytes that may be incomplete.

use super::error::BhttpError;
use super::fields::FieldSection;
use super::limits::DecodeLimits;
use crate::varint;

/// A position in bytes that may be incomplete. Each read consumes a complete element or nothing.
pub(super) struct ByteReader<'a> {
    bytes: &'a [u8],
    /// Bytes consumed so far.
    pub(super) taken: usize,
}

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, taken: 0 }
    }

    /// The bytes that are left.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.taken..]
    }

    /// Consumes up to `most` bytes.
    pub(super) fn some(&mut self, most: u64) -> &'a [u8] {
        let rest = self.rest();
        let len = usize::try_from(most).map_or(rest.len(), |most| most.min(rest.len()));
        self.taken += len;
        &rest[..len]
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let (value, len) = varint::read(self.rest())?;
        self.taken += len;
        Some(value)
    }

    /// Reads an element of the head with `read`; `None` if bytes are missing. Its size is spent from `budget`.
    pub(super) fn head<T>(
        &mut self,
        budget: &mut HeadBudget,
        read: impl FnOnce(&mut HeadElement<'a>) -> Result<Option<T>, BhttpError>,
    ) -> Result<Option<T>, BhttpError> {
        let mut element = HeadElement { rest: self.rest(), taken: 0, budget: *budget };
        let found = read(&mut element)?;
        if found.is_some() {
            self.taken += element.taken;
            *budget = element.budget.spend(element.taken)?;
        }
        Ok(found)
    }
}

/// The bytes and lines of head that are left of the limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadBudget {
    limits: DecodeLimits,
    bytes: usize,
    lines: usize,
}

impl HeadBudget {
    pub(super) fn new(limits: DecodeLimits) -> Self {
        Self { limits, bytes: limits.head, lines: limits.lines }
    }

    fn spend(self, bytes: usize) -> Result<Self, BhttpError> {
        let bytes = self.bytes.checked_sub(bytes).ok_or(self.too_large())?;
        Ok(Self { bytes, ..self })
    }

    /// Spends `lines` lines. They have their own limit, because a line costs more memory than its bytes.
    pub(super) fn spend_lines(self, lines: usize) -> Result<Self, BhttpError> {
        let too_many = BhttpError::TooManyLines { limit: self.limits.lines };
        let lines = self.lines.checked_sub(lines).ok_or(too_many)?;
        Ok(Self { lines, ..self })
    }

    fn too_large(self) -> BhttpError {
        BhttpError::HeadTooLarge { limit: self.limits.head }
    }
}

/// One element of the head during a read.
pub(super) struct HeadElement<'a> {
    rest: &'a [u8],
    taken: usize,
    budget: HeadBudget,
}

impl<'a> HeadElement<'a> {
    pub(super) fn varint(&mut self) -> Option<u64> {
        let (value, len) = varint::read(&self.rest[self.taken..])?;
        self.taken += len;
        Some(value)
    }

    /// Reads a length and that many bytes. A length beyond the limit is refused before its bytes arrive.
    fn prefixed(&mut self) -> Result<Option<&'a [u8]>, BhttpError> {
        let Some(len) = self.varint() else { return Ok(None) };
        self.exactly(len)
    }

    fn exactly(&mut self, len: u64) -> Result<Option<&'a [u8]>, BhttpError> {
        let end = usize::try_from(len).ok().and_then(|len| self.taken.checked_add(len));
        let end = end.ok_or(self.budget.too_large())?;
        self.budget.spend(end)?;
        let Some(bytes) = self.rest.get(self.taken..end) else { return Ok(None) };
        self.taken = end;
        Ok(Some(bytes))
    }

    /// Reads a length and text. `what` names it in the error for other bytes.
    pub(super) fn text(&mut self, what: &'static str) -> Result<Option<&'a str>, BhttpError> {
        let Some(bytes) = self.prefixed()? else { return Ok(None) };
        std::str::from_utf8(bytes).map(Some).map_err(|_| BhttpError::Control(what))
    }

    /// Reads a field section of the known-length form.
    pub(super) fn section(&mut self) -> Result<Option<FieldSection>, BhttpError> {
        let Some(bytes) = self.prefixed()? else { return Ok(None) };
        self.lines(bytes).map(Some)
    }

    /// Reads a field line of the indeterminate-length form, or the zero that ends its section.
    pub(super) fn line(&mut self) -> Result<Option<FieldLine<'a>>, BhttpError> {
        let Some(len) = self.varint() else { return Ok(None) };
        if len == 0 {
            return Ok(Some(FieldLine::End));
        }
        let Some(name) = self.exactly(len)? else { return Ok(None) };
        let Some(value) = self.prefixed()? else { return Ok(None) };
        self.budget = self.budget.spend_lines(1)?;
        Ok(Some(FieldLine::Field(name, value)))
    }

    /// Reads the lines of a complete section.
    fn lines(&mut self, mut bytes: &[u8]) -> Result<FieldSection, BhttpError> {
        let mut fields = FieldSection::default();
        while !bytes.is_empty() {
            self.budget = self.budget.spend_lines(1)?;
            let name = take(&mut bytes)?;
            let value = take(&mut bytes)?;
            fields.push(name, value)?;
        }
        Ok(fields)
    }
}

/// See [`HeadElement::line`].
pub(super) enum FieldLine<'a> {
    Field(&'a [u8], &'a [u8]),
    End,
}

fn take<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], BhttpError> {
    let (len, start) = varint::read(bytes).ok_or(BhttpError::FieldOverrun)?;
    let end = usize::try_from(len).ok().and_then(|len| start.checked_add(len)).ok_or(BhttpError::FieldOverrun)?;
    let taken = bytes.get(start..end).ok_or(BhttpError::FieldOverrun)?;
    *bytes = &bytes[end..];
    Ok(taken)
}
