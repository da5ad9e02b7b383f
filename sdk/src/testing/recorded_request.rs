//! A request that the server received.

use std::fmt;

use amaas_wire::DecodeError;
use amaas_wire::oip::{HEADER_LENGTH, InferRequest};
use bytes::Bytes;
use reqwest::header::HeaderMap;

/// One request that a [`TestServer`](super::TestServer) got: of a sealed one, what was inside. `Debug` shows neither credentials nor body.
#[derive(Clone)]
pub struct RecordedRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    /// The headers outside the seal, if the request was sealed.
    pub(super) outer_headers: Option<HeaderMap>,
    pub(super) body: Bytes,
}

impl RecordedRequest {
    /// The method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, after the `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The model in the path.
    pub fn model(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("/v1/models/").or_else(|| self.path.strip_prefix("/v2/models/"))?;
        rest.split('/').next()
    }

    /// The value of a header; `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it came sealed.
    pub fn is_sealed(&self) -> bool {
        self.outer_headers.is_some()
    }

    /// The value of a header that stood outside, for all to see: of a plain request, any header.
    pub fn outer_header(&self, name: &str) -> Option<&str> {
        self.outer_headers.as_ref().unwrap_or(&self.headers).get(name)?.to_str().ok()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a call with tensors after its JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub fn tensors(&self) -> Result<InferRequest, DecodeError> {
        let header_length = self.header(HEADER_LENGTH).and_then(|length| length.parse().ok());
        InferRequest::from_http(&self.body, header_length).map(|(request, _)| request)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &self.headers.keys().map(ToString::to_string).collect::<Vec<_>>())
            .field("sealed", &self.is_sealed())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}
