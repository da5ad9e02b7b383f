//! Whole messages.

use std::fmt;

use super::control::Head;
use super::control::{RequestHead, ResponseHead};
use super::decoder::{Decoder, Event};
use super::encoder::Encoding;
use super::error::BhttpError;
use super::fields::Fields;
use super::limits::Limits;

/// A request. `Debug` shows the length of the content only.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Method, target and header fields.
    pub head: RequestHead,
    /// The content.
    pub content: Vec<u8>,
    /// The trailer fields.
    pub trailers: Fields,
}

impl Request {
    /// A request without trailers.
    pub fn new(head: RequestHead, content: Vec<u8>) -> Self {
        Self { head, content, trailers: Fields::default() }
    }

    /// The request as bytes.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        encoding.encode(&self.head, &self.content, &self.trailers)
    }

    /// Reads a request of either form.
    ///
    /// # Errors
    /// A [`BhttpError`] that names the rule or the limit that was broken.
    ///
    /// ```
    /// use amaas_ohttp::bhttp::{Limits, Request};
    ///
    /// // The request of RFC 9458, appendix A, cut short after the path as RFC 9292 §3.8 allows.
    /// let request = Request::decode(b"\x00\x03GET\x05https\x0bexample.com\x01/", Limits::default())?;
    /// assert_eq!((request.head.method(), request.head.authority()), ("GET", "example.com"));
    /// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
    /// ```
    pub fn decode(bytes: &[u8], limits: Limits) -> Result<Self, BhttpError> {
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
    pub trailers: Fields,
}

impl Response {
    /// A response without trailers.
    pub fn new(head: ResponseHead, content: Vec<u8>) -> Self {
        Self { head, content, trailers: Fields::default() }
    }

    /// The response as bytes.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        encoding.encode(&self.head, &self.content, &self.trailers)
    }

    /// Reads a response of either form.
    ///
    /// # Errors
    /// A [`BhttpError`] that names the rule or the limit that was broken.
    ///
    /// ```
    /// use amaas_ohttp::bhttp::{Limits, Response};
    ///
    /// assert_eq!(Response::decode(b"\x01\x40\xc8", Limits::default())?.head.status(), 200);
    /// # Ok::<(), amaas_ohttp::bhttp::BhttpError>(())
    /// ```
    pub fn decode(bytes: &[u8], limits: Limits) -> Result<Self, BhttpError> {
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
    trailers: &Fields,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let content = format_args!("{} bytes", content.len());
    f.debug_struct(name).field("head", head).field("content", &content).field("trailers", trailers).finish()
}

fn decode<H: Head>(bytes: &[u8], limits: Limits) -> Result<(H, Vec<u8>, Fields), BhttpError> {
    let mut decoder = Decoder::<H>::new(limits);
    let mut events = decoder.push(bytes)?;
    events.extend(decoder.finish()?);
    let (mut head, mut content, mut trailers) = (None, Vec::new(), None);
    for event in events {
        match event {
            Event::Head(found) => head = Some(found),
            Event::Content(piece) if content.is_empty() => content = piece,
            Event::Content(piece) => content.extend_from_slice(&piece),
            Event::End(found) => trailers = Some(found),
        }
    }
    match (head, trailers) {
        (Some(head), Some(trailers)) => Ok((head, content, trailers)),
        _ => Err(BhttpError::Truncated("control data")),
    }
}
