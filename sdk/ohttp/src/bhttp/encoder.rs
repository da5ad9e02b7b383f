//! Messages to bytes.

use super::control::Head;
use super::fields::{Fields, write_prefixed};
use super::form::Form;
use super::padding::Padding;
use crate::varint;

/// How a whole message is written. By default in the known-length form, padded.
///
/// ```
/// use amaas_ohttp::bhttp::{Encoding, Form, Padding, Response, ResponseHead};
///
/// let response = Response::new(ResponseHead::new(204)?, Vec::new());
/// let plain = Encoding { padding: Padding::Off, ..Encoding::default() };
/// assert_eq!(response.encode(plain), [1, 0x40, 204, 0, 0, 0]);
/// assert_eq!(response.encode(Encoding { form: Form::IndeterminateLength, ..plain }), [3, 0x40, 204, 0, 0, 0]);
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The form.
    pub form: Form,
    /// Whether zeros follow.
    pub padding: Padding,
}

#[expect(private_bounds, reason = "sealed: requests and responses are all the kinds of message there are")]
impl Encoding {
    /// A whole message as bytes, of parts that need not be one: a [`RequestHead`](super::RequestHead) or a
    /// [`ResponseHead`](super::ResponseHead), the content and the trailers.
    pub fn encode<H: Head>(self, head: &H, content: &[u8], trailers: &Fields) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.padding.padded(content.len() + ROOM_FOR_A_HEAD));
        out.push(H::INDICATORS[self.form as usize]);
        head.write(self.form, &mut out);
        match self.form {
            Form::KnownLength => write_prefixed(content, &mut out),
            Form::IndeterminateLength => {
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
/// use amaas_ohttp::bhttp::{Encoder, Fields, Limits, Padding, Response, ResponseHead};
///
/// let mut bytes = Vec::new();
/// let mut encoder = Encoder::new(&ResponseHead::new(200)?, &mut bytes);
/// encoder.chunk(b"data: one\n\n", &mut bytes);
/// encoder.chunk(b"data: two\n\n", &mut bytes);
/// encoder.end(&Fields::default(), Padding::Bucket, &mut bytes);
/// assert_eq!(Response::decode(&bytes, Limits::default())?.content, b"data: one\n\ndata: two\n\n");
/// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    written: usize,
}

#[expect(private_bounds, reason = "sealed: requests and responses are all the kinds of message there are")]
impl Encoder {
    /// Appends the head to `out`: a [`RequestHead`](super::RequestHead) or a [`ResponseHead`](super::ResponseHead).
    pub fn new<H: Head>(head: &H, out: &mut Vec<u8>) -> Self {
        let before = out.len();
        out.push(H::INDICATORS[Form::IndeterminateLength as usize]);
        head.write(Form::IndeterminateLength, out);
        Self { written: out.len() - before }
    }

    /// Appends a piece of content to `out`; an empty piece appends nothing, for it would end the content.
    pub fn chunk(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        write_chunk(content, out);
        self.written += out.len() - before;
    }

    /// Appends the end of the content, the trailers and the padding of the message as a whole to `out`. What was sent
    /// before the end has shown its length already; the padding hides only where in its bucket the whole ends.
    pub fn end(self, trailers: &Fields, padding: Padding, out: &mut Vec<u8>) {
        let before = out.len();
        out.push(0);
        Form::IndeterminateLength.write_section(trailers, out);
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

/// Room that most heads fit in, so that a message is allocated once.
const ROOM_FOR_A_HEAD: usize = 512;
