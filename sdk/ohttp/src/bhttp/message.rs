//! Complete messages.

use std::fmt;

use super::control::MessageHead;
use super::control::{RequestHead, ResponseHead};
use super::decoder::{Decoder, DecoderEvent};
use super::encoder::MessageEncoding;
use super::error::BhttpError;
use super::fields::FieldSection;
use super::limits::DecodeLimits;

/// A request. `Debug` shows the length of the content only.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Method, target and header fields.
    pub head: RequestHead,
    /// The content.
    pub content: Vec<u8>,
    /// The trailer fields.
    pub trailers: FieldSection,
}

impl Request {
    /// A request without trailers.
    pub fn new(head: RequestHead, content: Vec<u8>) -> Self {
        Self { head, content, trailers: FieldSection::default() }
    }

    /// The request as bytes.
    pub fn encode(&self, encoding: MessageEncoding) -> Vec<u8> {
        encoding.encode(&self.head, &self.content, &self.trailers)
    }

    /// Reads a request of either form.
    ///
    /// # Errors
    /// A [`BhttpError`] that names the broken rule or limit.
    ///
    /// ```
    /// use amaas_ohttp::bhttp::{DecodeLimits, Request};
    ///
    /// // The request of RFC 9458, appendix A, cut short after the path as RFC 9292 §3.8 allows.
    /// let request = Request::decode(b"\x00\x03GET\x05https\x0bexample.com\x01/", DecodeLimits::default())?;
    /// assert_eq!((request.head.method(), request.head.authority()), ("GET", "example.com"));
    /// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
    /// ```
    pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Self, BhttpError> {
        let (head, content, trailers) = decode(bytes, limits)?;
        Ok(Self { head, content, trailers })
    }
}

/// A response. `Debug` shows the length of the content only.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Status and header fields.
    pub head: ResponseHead,
    /// The content.
    pub content: Vec<u8>,
    /// The trailer fields.
    pub trailers: FieldSection,
}

impl Response {
    /// A response without trailers.
    pub fn new(head: ResponseHead, content: Vec<u8>) -> Self {
        Self { head, content, trailers: FieldSection::default() }
    }

    /// The response as bytes.
    pub fn encode(&self, encoding: MessageEncoding) -> Vec<u8> {
        encoding.encode(&self.head, &self.content, &self.trailers)
    }

    /// Reads a response of either form.
    ///
    /// # Errors
    /// A [`BhttpError`] that names the broken rule or limit.
    ///
    /// ```
    /// use amaas_ohttp::bhttp::{DecodeLimits, Response};
    ///
    /// assert_eq!(Response::decode(b"\x01\x40\xc8", DecodeLimits::default())?.head.status(), 200);
    /// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
    /// ```
    pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Self, BhttpError> {
        let (head, content, trailers) = decode(bytes, limits)?;
        Ok(Self { head, content, trailers })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Request", &self.head, &self.content, &self.trailers, f)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Response", &self.head, &self.content, &self.trailers, f)
    }
}

fn debug(
    name: &str,
    head: &dyn fmt::Debug,
    content: &[u8],
    trailers: &FieldSection,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let content = format_args!("{} bytes", content.len());
    f.debug_struct(name).field("head", head).field("content", &content).field("trailers", trailers).finish()
}

fn decode<H: MessageHead>(bytes: &[u8], limits: DecodeLimits) -> Result<(H, Vec<u8>, FieldSection), BhttpError> {
    let mut decoder = Decoder::<H>::new(limits);
    let mut events = decoder.push(bytes)?;
    events.extend(decoder.finish()?);
    let (mut head, mut content, mut trailers) = (None, Vec::new(), None);
    for event in events {
        match event {
            DecoderEvent::Head(found) => head = Some(found),
            DecoderEvent::Content(piece) if content.is_empty() => content = piece,
            DecoderEvent::Content(piece) => content.extend_from_slice(&piece),
            DecoderEvent::End(found) => trailers = Some(found),
        }
    }
    match (head, trailers) {
        (Some(head), Some(trailers)) => Ok((head, content, trailers)),
        _ => Err(BhttpError::Truncated("control data")),
    }
}
