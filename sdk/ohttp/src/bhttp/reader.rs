//! The elements of the format, read from bytes that may not all have arrived.

use super::error::BhttpError;
use super::fields::Fields;
use super::limits::Limits;
use crate::varint;

/// A place in bytes of which more may come. Each reading either takes a whole element or takes nothing.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes taken so far.
    pub(super) taken: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, taken: 0 }
    }

    /// What has not been taken.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.taken..]
    }

    /// Up to `most` bytes of what has arrived.
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

    /// An element of the head: `read` gives it, or nothing while bytes are missing. What it takes comes out of `budget`.
    pub(super) fn head<T>(
        &mut self,
        budget: &mut Budget,
        read: impl FnOnce(&mut Element<'a>) -> Result<Option<T>, BhttpError>,
    ) -> Result<Option<T>, BhttpError> {
        let mut element = Element { rest: self.rest(), taken: 0, budget: *budget };
        let found = read(&mut element)?;
        if found.is_some() {
            self.taken += element.taken;
            *budget = element.budget.spend(element.taken)?;
        }
        Ok(found)
    }
}

/// How many bytes and lines of head are still allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    limits: Limits,
    bytes: usize,
    lines: usize,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, bytes: limits.head, lines: limits.lines }
    }

    fn spend(self, bytes: usize) -> Result<Self, BhttpError> {
        let bytes = self.bytes.checked_sub(bytes).ok_or(self.too_large())?;
        Ok(Self { bytes, ..self })
    }

    /// Takes `lines` of the lines that are left: a line costs more memory than its bytes.
    pub(super) fn spend_lines(self, lines: usize) -> Result<Self, BhttpError> {
        let too_many = BhttpError::TooManyLines { limit: self.limits.lines };
        let lines = self.lines.checked_sub(lines).ok_or(too_many)?;
        Ok(Self { lines, ..self })
    }

    fn too_large(self) -> BhttpError {
        BhttpError::HeadTooLarge { limit: self.limits.head }
    }
}

/// One element of the head while it is being read.
pub(super) struct Element<'a> {
    rest: &'a [u8],
    taken: usize,
    budget: Budget,
}

impl<'a> Element<'a> {
    pub(super) fn varint(&mut self) -> Option<u64> {
        let (value, len) = varint::read(&self.rest[self.taken..])?;
        self.taken += len;
        Some(value)
    }

    /// A length and that many bytes. The length alone is enough to refuse what would pass the limit.
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

    /// A length and text. `what` names it in the error for bytes that are not.
    pub(super) fn text(&mut self, what: &'static str) -> Result<Option<&'a str>, BhttpError> {
        let Some(bytes) = self.prefixed()? else { return Ok(None) };
        std::str::from_utf8(bytes).map(Some).map_err(|_| BhttpError::Control(what))
    }

    /// A field section of the known-length form.
    pub(super) fn section(&mut self) -> Result<Option<Fields>, BhttpError> {
        let Some(bytes) = self.prefixed()? else { return Ok(None) };
        self.lines(bytes).map(Some)
    }

    /// A field line of the indeterminate-length form, or the zero that ends its section.
    pub(super) fn line(&mut self) -> Result<Option<Line<'a>>, BhttpError> {
        let Some(len) = self.varint() else { return Ok(None) };
        if len == 0 {
            return Ok(Some(Line::End));
        }
        let Some(name) = self.exactly(len)? else { return Ok(None) };
        let Some(value) = self.prefixed()? else { return Ok(None) };
        self.budget = self.budget.spend_lines(1)?;
        Ok(Some(Line::Field(name, value)))
    }

    /// The lines of a section that has arrived whole.
    fn lines(&mut self, mut bytes: &[u8]) -> Result<Fields, BhttpError> {
        let mut fields = Fields::default();
        while !bytes.is_empty() {
            self.budget = self.budget.spend_lines(1)?;
            let name = take(&mut bytes)?;
            let value = take(&mut bytes)?;
            fields.push(name, value)?;
        }
        Ok(fields)
    }
}

/// See [`Element::line`].
pub(super) enum Line<'a> {
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
