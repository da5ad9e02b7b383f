//! Seals responses. A chunked response is sent chunk by chunk, as the route produces it.

use amaas_ohttp::bhttp::{Encoder, FieldSection, MessageEncoding, Padding, ResponseHead};
use amaas_ohttp::{chunked, whole};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header, response};
use http_body_util::BodyExt;

use crate::error::Error;
use crate::reply::UNBUFFERED_HEADER;
use amaas_engine::cpu::spawn_if_large;

/// Seals the response to one call.
pub(super) enum ResponseSealer {
    Whole(whole::ResponseSealer),
    Chunked(chunked::PendingResponse),
}

impl ResponseSealer {
    /// Seals `response` with its headers.
    pub(super) async fn seal(self, response: Response<Body>) -> Result<Response<Body>, Error> {
        let (parts, body) = response.into_parts();
        let head = head(&parts)?;
        let is_chunked = matches!(self, Self::Chunked(_));
        let (body, media_type) = match self {
            Self::Whole(sealer) => {
                let content = body.collect().await.map_err(internal)?.to_bytes();
                let size = content.len();
                let seal = move || {
                    let message = MessageEncoding::default().encode(&head, &content, &FieldSection::default());
                    sealer.seal(&message).map_err(internal)
                };
                (Body::from(spawn_if_large(size, seal).await?), whole::RESPONSE_MEDIA_TYPE)
            }
            Self::Chunked(pending) => (seal_stream(pending, &head, body)?, chunked::RESPONSE_MEDIA_TYPE),
        };
        let mut sealed = Response::new(body);
        sealed.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        sealed.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if is_chunked {
            // Set for all chunked responses, so that it reveals nothing about the sealed content.
            sealed.headers_mut().insert(UNBUFFERED_HEADER.0, UNBUFFERED_HEADER.1);
        }
        Ok(sealed)
    }
}

/// The head of a binary HTTP response.
fn head(parts: &response::Parts) -> Result<ResponseHead, Error> {
    let mut head = ResponseHead::new(parts.status.as_u16()).map_err(internal)?;
    for (name, value) in &parts.headers {
        head.headers.push(name.as_str(), value.as_bytes()).map_err(internal)?;
    }
    Ok(head)
}

/// Seals the body as chunks. The head is sent at once, and each piece of the body as soon as it exists, split to the maximum chunk size.
fn seal_stream(pending: chunked::PendingResponse, head: &ResponseHead, body: Body) -> Result<Body, Error> {
    let (mut first, mut message) = (Vec::new(), Vec::new());
    let encoder = Encoder::new(head, &mut message);
    let mut sealer = pending.start(&mut first).map_err(internal)?;
    sealer.push(&message, &mut first).map_err(internal)?;
    let next = async |open: Option<(Vec<u8>, Encoder, chunked::ResponseSealer, Bytes, Body)>| {
        let Some((mut out, mut encoder, mut sealer, mut rest, mut body)) = open else { return Ok(None) };
        let mut message = Vec::new();
        loop {
            if rest.is_empty() {
                rest = match body.frame().await {
                    None => {
                        encoder.end(&FieldSection::default(), Padding::Bucket, &mut message);
                        sealer.finish(&message, &mut out).map_err(std::io::Error::other)?;
                        return Ok::<_, std::io::Error>(Some((Bytes::from(out), None)));
                    }
                    Some(frame) => frame.map_err(std::io::Error::other)?.into_data().unwrap_or_default(),
                };
                if rest.is_empty() {
                    continue;
                }
            }
            let data = rest.split_to(rest.len().min(MAX_CHUNK_BYTES));
            encoder.chunk(&data, &mut message);
            // A body of one piece is sent together with the end of the message, in one write.
            if rest.is_empty() && http_body::Body::is_end_stream(&body) {
                continue;
            }
            sealer.push(&message, &mut out).map_err(std::io::Error::other)?;
            return Ok(Some((Bytes::from(out), Some((Vec::new(), encoder, sealer, rest, body)))));
        }
    };
    Ok(Body::from_stream(stream::try_unfold(Some((first, encoder, sealer, Bytes::new(), body)), next)))
}

/// Sealing so many bytes takes less than 500 µs. It also bounds the part of a response that is in memory twice.
const MAX_CHUNK_BYTES: usize = 128 << 10;

#[allow(clippy::needless_pass_by_value)] // reads well as `map_err(internal)`
fn internal(error: impl ToString) -> Error {
    Error::internal(error.to_string())
}
