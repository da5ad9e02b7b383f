//! Encodes messages.

use super::control::MessageHead;
use super::fields::{FieldSection, write_prefixed};
use super::form::MessageForm;
use super::padding::Padding;
use crate::varint;

/// How a complete message is written. The default is the known-length form with padding.
///
/// ```
/// use amaas_ohttp::bhttp::{MessageEncoding, MessageForm, Padding, Response, ResponseHead};
///
/// let response = Response::new(ResponseHead::new(204)?, Vec::new());
/// let plain = MessageEncoding { padding: Padding::Off, ..MessageEncoding::default() };
/// assert_eq!(response.encode(plain), [1, 0x40, 204, 0, 0, 0]);
/// assert_eq!(response.encode(MessageEncoding { form: MessageForm::IndeterminateLength, ..plain }), [3, 0x40, 204, 0, 0, 0]);
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageEncoding {
    /// The form.
    pub form: MessageForm,
    /// The padding.
    pub padding: Padding,
}

#[expect(private_bounds, reason = "sealed: requests and responses are all the kinds of message there are")]
impl MessageEncoding {
    /// Encodes a complete message from its parts: a [`RequestHead`](super::RequestHead) or a [`ResponseHead`](super::ResponseHead), the
    /// content and the trailers.
    pub fn encode<H: MessageHead>(self, head: &H, content: &[u8], trailers: &FieldSection) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.padding.padded(content.len() + ROOM_FOR_A_HEAD));
        out.push(H::INDICATORS[self.form as usize]);
        head.write(self.form, &mut out);
        match self.form {
            MessageForm::KnownLength => write_prefixed(content, &mut out),
            MessageForm::IndeterminateLength => {
                write_chunk(content, &mut out);
                out.push(0);
            }
        }
        self.form.write_section(trailers, &mut out);
        out.resize(self.padding.padded(out.len()), 0);
        out
    }
}

/// Writes a message of indeterminate length piece by piece: the head, any number of chunks, the end.
///
/// ```
/// use amaas_ohttp::bhttp::{Encoder, FieldSection, DecodeLimits, Padding, Response, ResponseHead};
///
/// let mut bytes = Vec::new();
/// let mut encoder = Encoder::new(&ResponseHead::new(200)?, &mut bytes);
/// encoder.chunk(b"data: one\n\n", &mut bytes);
/// encoder.chunk(b"data: two\n\n", &mut bytes);
/// encoder.end(&FieldSection::default(), Padding::Bucket, &mut bytes);
/// assert_eq!(Response::decode(&bytes, DecodeLimits::default())?.content, b"data: one\n\ndata: two\n\n");
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    written: usize,
}

#[expect(private_bounds, reason = "sealed: requests and responses are all the kinds of message there are")]
impl Encoder {
    /// Appends the head to `out`: a [`RequestHead`](super::RequestHead) or a [`ResponseHead`](super::ResponseHead).
    pub fn new<H: MessageHead>(head: &H, out: &mut Vec<u8>) -> Self {
        let before = out.len();
        out.push(H::INDICATORS[MessageForm::IndeterminateLength as usize]);
        head.write(MessageForm::IndeterminateLength, out);
        Self { written: out.len() - before }
    }

    /// Appends a piece of content to `out`. An empty piece appends nothing, because it would end the content.
    pub fn chunk(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        write_chunk(content, out);
        self.written += out.len() - before;
    }

    /// Appends the end of the content, the trailers and the padding to `out`. The pieces have already revealed their length, so the
    /// padding hides only the end of the message within its bucket.
    pub fn end(self, trailers: &FieldSection, padding: Padding, out: &mut Vec<u8>) {
        let before = out.len();
        out.push(0);
        MessageForm::IndeterminateLength.write_section(trailers, out);
        let len = self.written + (out.len() - before);
        out.resize(out.len() + (padding.padded(len) - len), 0);
    }
}

fn write_chunk(content: &[u8], out: &mut Vec<u8>) {
    if !content.is_empty() {
        varint::write(content.len() as u64, out);
        out.extend_from_slice(content);
    }
}

/// Bytes that most heads fit in, so that a message is allocated once.
const ROOM_FOR_A_HEAD: usize = 512;
