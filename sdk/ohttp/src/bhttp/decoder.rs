//! Decodes messages incrementally.

use std::mem;

use super::control::InformationalResponse;
use super::control::{ControlData, MessageHead};
use super::error::BhttpError;
use super::fields::FieldSection;
use super::form::MessageForm;
use super::limits::DecodeLimits;
use super::reader::{ByteReader, FieldLine, HeadBudget, HeadElement};

/// Reads one message of either form: [`push`](Self::push) bytes as they arrive, and [`finish`](Self::finish) at the end.
/// `H` is the kind of message: [`RequestHead`](super::RequestHead) or [`ResponseHead`](super::ResponseHead).
///
/// The events of a message are one [`DecoderEvent::Head`], any number of [`DecoderEvent::Content`] and one [`DecoderEvent::End`].
/// Only `finish` returns the last one, because only the end of the bytes proves that the message is complete and its padding zero.
///
/// ```
/// use amaas_ohttp::bhttp::{Decoder, DecoderEvent, DecodeLimits, ResponseHead};
///
/// let mut decoder = Decoder::<ResponseHead>::new(DecodeLimits::default());
/// assert!(decoder.push(b"\x03\x40")?.is_empty(), "half a status");
/// assert!(matches!(&decoder.push(b"\xc8\x00")?[..], [DecoderEvent::Head(head)] if head.status() == 200));
/// assert!(matches!(&decoder.push(b"\x02hi")?[..], [DecoderEvent::Content(piece)] if piece == b"hi"));
/// decoder.push(b"\x00\x00")?;
/// assert!(matches!(&decoder.finish()?[..], [DecoderEvent::End(trailers)] if trailers.is_empty()));
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Debug)]
pub struct Decoder<H> {
    state: DecoderState<H>,
    form: MessageForm,
    informational: Vec<InformationalResponse>,
    head_left: HeadBudget,
    content_left: u64,
    content_limit: u64,
    /// The bytes of an incomplete element.
    held: Vec<u8>,
}

/// A part of a message that a [`Decoder`] has read.
#[derive(Debug, PartialEq, Eq)]
pub enum DecoderEvent<H> {
    /// Control data and header fields.
    Head(H),
    /// A piece of the content, never empty. It holds all content that one [`push`](Decoder::push) completes, of any number of chunks,
    /// in one buffer.
    Content(Vec<u8>),
    /// The end of the message, with its trailers.
    End(FieldSection),
}

#[expect(private_bounds, reason = "sealed: requests and responses are all the kinds of message there are")]
impl<H: MessageHead> Decoder<H> {
    /// A decoder of one message.
    pub fn new(limits: DecodeLimits) -> Self {
        Self {
            state: DecoderState::Framing,
            form: MessageForm::default(),
            informational: Vec::new(),
            head_left: HeadBudget::new(limits),
            content_left: limits.content,
            content_limit: limits.content,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes and returns what they complete.
    ///
    /// # Errors
    /// A [`BhttpError`] that names the broken rule or limit. Later calls return the same error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<DecoderEvent<H>>, BhttpError> {
        let mut events = Vec::new();
        let mut held = mem::take(&mut self.held);
        if held.is_empty() {
            let taken = self.run(bytes, &mut events)?;
            self.held.extend_from_slice(&bytes[taken..]);
        } else {
            held.extend_from_slice(bytes);
            let taken = self.run(&held, &mut events)?;
            held.drain(..taken);
            self.held = held;
        }
        Ok(events)
    }

    /// Ends the input. Parts that a message may omit (RFC 9292 §3.8) count as empty.
    ///
    /// # Errors
    /// [`BhttpError::Truncated`], or the error of an earlier call.
    pub fn finish(self) -> Result<Vec<DecoderEvent<H>>, BhttpError> {
        let cut = !self.held.is_empty();
        let end = |trailers| Ok(vec![DecoderEvent::End(trailers)]);
        match self.state {
            DecoderState::Failed(error) => Err(error),
            DecoderState::Framing => Err(BhttpError::Truncated("the framing indicator")),
            DecoderState::Control | DecoderState::Section(SectionKind::Head(ControlData::Interim(_)), _) => {
                Err(BhttpError::Truncated("control data"))
            }
            DecoderState::Section(_, fields) if cut || !fields.is_empty() => {
                Err(BhttpError::Truncated("a field section"))
            }
            DecoderState::Section(SectionKind::Head(ControlData::Final(mut head)), fields) => {
                head.complete(fields, self.informational);
                Ok(vec![DecoderEvent::Head(head), DecoderEvent::End(FieldSection::default())])
            }
            DecoderState::Content(ContentState::Absent) if !cut => end(FieldSection::default()),
            DecoderState::Content(_) => Err(BhttpError::Truncated("the content")),
            DecoderState::Section(SectionKind::Trailer, trailers) | DecoderState::Padding(trailers) => end(trailers),
        }
    }

    /// Consumes what it can and returns the number of bytes.
    fn run(&mut self, bytes: &[u8], events: &mut Vec<DecoderEvent<H>>) -> Result<usize, BhttpError> {
        let mut reader = ByteReader::new(bytes);
        loop {
            let state = mem::replace(&mut self.state, DecoderState::Framing);
            match self.step(state, &mut reader, events) {
                Ok(DecoderStep::On(state)) => self.state = state,
                Ok(DecoderStep::Starved(state)) => {
                    self.state = state;
                    return Ok(reader.taken);
                }
                Err(error) => {
                    self.state = DecoderState::Failed(error);
                    return Err(error);
                }
            }
        }
    }

    fn step(
        &mut self,
        state: DecoderState<H>,
        reader: &mut ByteReader<'_>,
        events: &mut Vec<DecoderEvent<H>>,
    ) -> Result<DecoderStep<H>, BhttpError> {
        match state {
            DecoderState::Framing => match reader.varint() {
                None => Ok(DecoderStep::Starved(DecoderState::Framing)),
                Some(found) => {
                    self.form = form::<H>(found)?;
                    Ok(DecoderStep::On(DecoderState::Control))
                }
            },
            DecoderState::Control => match reader.head(&mut self.head_left, H::read)? {
                None => Ok(DecoderStep::Starved(DecoderState::Control)),
                Some(control) => {
                    Ok(DecoderStep::On(DecoderState::Section(SectionKind::Head(control), FieldSection::default())))
                }
            },
            DecoderState::Section(section, fields) => self.section(section, fields, reader, events),
            DecoderState::Content(content) => self.content(content, reader, events),
            DecoderState::Padding(_) if reader.some(u64::MAX).iter().any(|byte| *byte != 0) => Err(BhttpError::Padding),
            DecoderState::Padding(_) => Ok(DecoderStep::Starved(state)),
            DecoderState::Failed(error) => Err(error),
        }
    }

    fn section(
        &mut self,
        section: SectionKind<H>,
        mut fields: FieldSection,
        reader: &mut ByteReader<'_>,
        events: &mut Vec<DecoderEvent<H>>,
    ) -> Result<DecoderStep<H>, BhttpError> {
        let starved = match self.form {
            MessageForm::KnownLength => match reader.head(&mut self.head_left, HeadElement::section)? {
                Some(found) => {
                    fields = found;
                    false
                }
                None => true,
            },
            MessageForm::IndeterminateLength => match reader.head(&mut self.head_left, HeadElement::line)? {
                Some(FieldLine::Field(name, value)) => {
                    fields.push(name, value)?;
                    return Ok(DecoderStep::On(DecoderState::Section(section, fields)));
                }
                Some(FieldLine::End) => false,
                None => true,
            },
        };
        if starved {
            return Ok(DecoderStep::Starved(DecoderState::Section(section, fields)));
        }
        Ok(DecoderStep::On(match section {
            SectionKind::Head(ControlData::Interim(mut interim)) => {
                self.head_left = self.head_left.spend_lines(1)?;
                interim.headers = fields;
                self.informational.push(interim);
                DecoderState::Control
            }
            SectionKind::Head(ControlData::Final(mut head)) => {
                head.complete(fields, mem::take(&mut self.informational));
                events.push(DecoderEvent::Head(head));
                DecoderState::Content(ContentState::Absent)
            }
            SectionKind::Trailer => DecoderState::Padding(fields),
        }))
    }

    /// Reads chunks for as long as there are bytes of them. A chunk costs a length and a copy, and no memory of its own.
    fn content(
        &mut self,
        mut content: ContentState,
        reader: &mut ByteReader<'_>,
        events: &mut Vec<DecoderEvent<H>>,
    ) -> Result<DecoderStep<H>, BhttpError> {
        loop {
            if let ContentState::Left(left) = content {
                let arrived = reader.rest().len();
                let piece = reader.some(left);
                if piece.is_empty() {
                    return Ok(DecoderStep::Starved(DecoderState::Content(content)));
                }
                let to_come = match self.form {
                    MessageForm::KnownLength => 0,
                    MessageForm::IndeterminateLength => self.content_left,
                };
                append(
                    events,
                    piece,
                    usize::try_from(to_come).map_or(arrived, |more| (piece.len() + more).min(arrived)),
                );
                content = match (left - piece.len() as u64, self.form) {
                    (0, MessageForm::KnownLength) => {
                        return Ok(DecoderStep::On(DecoderState::Section(
                            SectionKind::Trailer,
                            FieldSection::default(),
                        )));
                    }
                    (0, MessageForm::IndeterminateLength) => ContentState::Between,
                    (left, _) => ContentState::Left(left),
                };
                continue;
            }
            let Some(len) = reader.varint() else { return Ok(DecoderStep::Starved(DecoderState::Content(content))) };
            let too_large = BhttpError::ContentTooLarge { limit: self.content_limit };
            self.content_left = self.content_left.checked_sub(len).ok_or(too_large)?;
            content = match len {
                0 => return Ok(DecoderStep::On(DecoderState::Section(SectionKind::Trailer, FieldSection::default()))),
                _ => ContentState::Left(len),
            };
        }
    }
}

/// Appends `piece` to the content that this push has given already, or begins it with memory for `room` bytes.
fn append<H>(events: &mut Vec<DecoderEvent<H>>, piece: &[u8], room: usize) {
    if let Some(DecoderEvent::Content(content)) = events.last_mut() {
        content.extend_from_slice(piece);
    } else {
        let mut content = Vec::with_capacity(room.max(piece.len()));
        content.extend_from_slice(piece);
        events.push(DecoderEvent::Content(content));
    }
}

/// The part of the message that comes next.
#[derive(Debug)]
enum DecoderState<H> {
    Framing,
    Control,
    /// A field section, with its lines so far.
    Section(SectionKind<H>, FieldSection),
    Content(ContentState),
    /// Only padding, after these trailers.
    Padding(FieldSection),
    Failed(BhttpError),
}

#[derive(Debug)]
enum SectionKind<H> {
    Head(ControlData<H>),
    Trailer,
}

#[derive(Clone, Copy, Debug)]
enum ContentState {
    /// The first length has not arrived; the message may end here.
    Absent,
    /// After a chunk; another chunk or the zero that ends the content has to follow.
    Between,
    /// The number of bytes that are missing of it.
    Left(u64),
}

enum DecoderStep<H> {
    On(DecoderState<H>),
    /// More bytes are needed.
    Starved(DecoderState<H>),
}

fn form<H: MessageHead>(found: u64) -> Result<MessageForm, BhttpError> {
    let [known, indeterminate] = H::INDICATORS.map(u64::from);
    match found {
        _ if found == known => Ok(MessageForm::KnownLength),
        _ if found == indeterminate => Ok(MessageForm::IndeterminateLength),
        _ => Err(BhttpError::Framing { found, known, indeterminate }),
    }
}
