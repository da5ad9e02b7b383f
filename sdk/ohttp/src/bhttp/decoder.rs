//! Bytes to messages, as the bytes arrive.

use std::mem;

use super::control::Informational;
use super::control::{Control, Head};
use super::error::BhttpError;
use super::fields::Fields;
use super::form::Form;
use super::limits::Limits;
use super::reader::{Budget, Element, Line, Reader};

/// Reads one message of either form: [`push`](Self::push) what arrives, [`finish`](Self::finish) when no more comes.
/// `H` is the kind of message: [`RequestHead`](super::RequestHead) or [`ResponseHead`](super::ResponseHead).
///
/// The events of a message are one [`Event::Head`], any number of [`Event::Content`] and one [`Event::End`], which only
/// `finish` gives: a message is whole, and its padding zero, when its bytes have ended.
///
/// ```
/// use amaas_ohttp::bhttp::{Decoder, Event, Limits, ResponseHead};
///
/// let mut decoder = Decoder::<ResponseHead>::new(Limits::default());
/// assert!(decoder.push(b"\x03\x40")?.is_empty(), "half a status");
/// assert!(matches!(&decoder.push(b"\xc8\x00")?[..], [Event::Head(head)] if head.status() == 200));
/// assert!(matches!(&decoder.push(b"\x02hi")?[..], [Event::Content(piece)] if piece == b"hi"));
/// decoder.push(b"\x00\x00")?;
/// assert!(matches!(&decoder.finish()?[..], [Event::End(trailers)] if trailers.is_empty()));
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Debug)]
pub struct Decoder<H> {
    state: State<H>,
    form: Form,
    informational: Vec<Informational>,
    head_left: Budget,
    content_left: u64,
    content_limit: u64,
    /// The beginning of an element whose end has not arrived.
    held: Vec<u8>,
}

/// What a [`Decoder`] finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<H> {
    /// Control data and header fields.
    Head(H),
    /// A piece of the content, never empty: all of it that one [`push`](Decoder::push) completes, in one buffer, however many
    /// chunks the sender cut it into.
    Content(Vec<u8>),
    /// The message has ended; these are its trailers.
    End(Fields),
}

#[expect(private_bounds, reason = "sealed: requests and responses are all the kinds of message there are")]
impl<H: Head> Decoder<H> {
    /// A decoder of one message.
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Framing,
            form: Form::default(),
            informational: Vec::new(),
            head_left: Budget::new(limits),
            content_left: limits.content,
            content_limit: limits.content,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes and gives what they complete.
    ///
    /// # Errors
    /// A [`BhttpError`] that names the rule or the limit that was broken, and the same one on every later call.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event<H>>, BhttpError> {
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

    /// Says that no more bytes come. Parts that RFC 9292 §3.8 lets a message leave out count as empty.
    ///
    /// # Errors
    /// [`BhttpError::Truncated`], or the error of an earlier call.
    pub fn finish(self) -> Result<Vec<Event<H>>, BhttpError> {
        let cut = !self.held.is_empty();
        let end = |trailers| Ok(vec![Event::End(trailers)]);
        match self.state {
            State::Failed(error) => Err(error),
            State::Framing => Err(BhttpError::Truncated("the framing indicator")),
            State::Control | State::Section(Section::Head(Control::Interim(_)), _) => {
                Err(BhttpError::Truncated("control data"))
            }
            State::Section(_, fields) if cut || !fields.is_empty() => Err(BhttpError::Truncated("a field section")),
            State::Section(Section::Head(Control::Final(mut head)), fields) => {
                head.complete(fields, self.informational);
                Ok(vec![Event::Head(head), Event::End(Fields::default())])
            }
            State::Content(Content::Absent) if !cut => end(Fields::default()),
            State::Content(_) => Err(BhttpError::Truncated("the content")),
            State::Section(Section::Trailer, trailers) | State::Padding(trailers) => end(trailers),
        }
    }

    /// Takes what it can and says how many bytes that was.
    fn run(&mut self, bytes: &[u8], events: &mut Vec<Event<H>>) -> Result<usize, BhttpError> {
        let mut reader = Reader::new(bytes);
        loop {
            let state = mem::replace(&mut self.state, State::Framing);
            match self.step(state, &mut reader, events) {
                Ok(Step::On(state)) => self.state = state,
                Ok(Step::Starved(state)) => {
                    self.state = state;
                    return Ok(reader.taken);
                }
                Err(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
            }
        }
    }

    fn step(
        &mut self,
        state: State<H>,
        reader: &mut Reader<'_>,
        events: &mut Vec<Event<H>>,
    ) -> Result<Step<H>, BhttpError> {
        match state {
            State::Framing => match reader.varint() {
                None => Ok(Step::Starved(State::Framing)),
                Some(found) => {
                    self.form = form::<H>(found)?;
                    Ok(Step::On(State::Control))
                }
            },
            State::Control => match reader.head(&mut self.head_left, H::read)? {
                None => Ok(Step::Starved(State::Control)),
                Some(control) => Ok(Step::On(State::Section(Section::Head(control), Fields::default()))),
            },
            State::Section(section, fields) => self.section(section, fields, reader, events),
            State::Content(content) => self.content(content, reader, events),
            State::Padding(_) if reader.some(u64::MAX).iter().any(|byte| *byte != 0) => Err(BhttpError::Padding),
            State::Padding(_) => Ok(Step::Starved(state)),
            State::Failed(error) => Err(error),
        }
    }

    fn section(
        &mut self,
        section: Section<H>,
        mut fields: Fields,
        reader: &mut Reader<'_>,
        events: &mut Vec<Event<H>>,
    ) -> Result<Step<H>, BhttpError> {
        let starved = match self.form {
            Form::KnownLength => match reader.head(&mut self.head_left, Element::section)? {
                Some(found) => {
                    fields = found;
                    false
                }
                None => true,
            },
            Form::IndeterminateLength => match reader.head(&mut self.head_left, Element::line)? {
                Some(Line::Field(name, value)) => {
                    fields.push(name, value)?;
                    return Ok(Step::On(State::Section(section, fields)));
                }
                Some(Line::End) => false,
                None => true,
            },
        };
        if starved {
            return Ok(Step::Starved(State::Section(section, fields)));
        }
        Ok(Step::On(match section {
            Section::Head(Control::Interim(mut interim)) => {
                self.head_left = self.head_left.spend_lines(1)?;
                interim.headers = fields;
                self.informational.push(interim);
                State::Control
            }
            Section::Head(Control::Final(mut head)) => {
                head.complete(fields, mem::take(&mut self.informational));
                events.push(Event::Head(head));
                State::Content(Content::Absent)
            }
            Section::Trailer => State::Padding(fields),
        }))
    }

    /// Reads chunks for as long as there are bytes of them. A chunk costs a length and a copy, and no memory of its own.
    fn content(
        &mut self,
        mut content: Content,
        reader: &mut Reader<'_>,
        events: &mut Vec<Event<H>>,
    ) -> Result<Step<H>, BhttpError> {
        loop {
            if let Content::Left(left) = content {
                let arrived = reader.rest().len();
                let piece = reader.some(left);
                if piece.is_empty() {
                    return Ok(Step::Starved(State::Content(content)));
                }
                let to_come = match self.form {
                    Form::KnownLength => 0,
                    Form::IndeterminateLength => self.content_left,
                };
                append(
                    events,
                    piece,
                    usize::try_from(to_come).map_or(arrived, |more| (piece.len() + more).min(arrived)),
                );
                content = match (left - piece.len() as u64, self.form) {
                    (0, Form::KnownLength) => return Ok(Step::On(State::Section(Section::Trailer, Fields::default()))),
                    (0, Form::IndeterminateLength) => Content::Between,
                    (left, _) => Content::Left(left),
                };
                continue;
            }
            let Some(len) = reader.varint() else { return Ok(Step::Starved(State::Content(content))) };
            let too_large = BhttpError::ContentTooLarge { limit: self.content_limit };
            self.content_left = self.content_left.checked_sub(len).ok_or(too_large)?;
            content = match len {
                0 => return Ok(Step::On(State::Section(Section::Trailer, Fields::default()))),
                _ => Content::Left(len),
            };
        }
    }
}

/// Appends `piece` to the content that this push has given already, or begins it with memory for `room` bytes.
fn append<H>(events: &mut Vec<Event<H>>, piece: &[u8], room: usize) {
    if let Some(Event::Content(content)) = events.last_mut() {
        content.extend_from_slice(piece);
    } else {
        let mut content = Vec::with_capacity(room.max(piece.len()));
        content.extend_from_slice(piece);
        events.push(Event::Content(content));
    }
}

/// What comes next.
#[derive(Debug)]
enum State<H> {
    Framing,
    Control,
    /// A field section, with the lines that have been read of it.
    Section(Section<H>, Fields),
    Content(Content),
    /// Nothing but padding, after these trailers.
    Padding(Fields),
    Failed(BhttpError),
}

#[derive(Debug)]
enum Section<H> {
    Head(Control<H>),
    Trailer,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    /// Its first length has not arrived: the message may end here.
    Absent,
    /// A chunk has been read: a further one or the zero that ends the content has to come.
    Between,
    /// So many bytes of it are to come.
    Left(u64),
}

enum Step<H> {
    On(State<H>),
    /// More bytes are needed.
    Starved(State<H>),
}

fn form<H: Head>(found: u64) -> Result<Form, BhttpError> {
    let [known, indeterminate] = H::INDICATORS.map(u64::from);
    match found {
        _ if found == known => Ok(Form::KnownLength),
        _ if found == indeterminate => Ok(Form::IndeterminateLength),
        _ => Err(BhttpError::Framing { found, known, indeterminate }),
    }
}
