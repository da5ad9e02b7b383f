//! Reads the whole body of a request, within bounds of size and time.

use std::io::ErrorKind;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;

use crate::error::BodyError;
use crate::error::Error;

/// Reads a body of at most `limit` bytes, without decoding it. A larger `Content-Length` is refused before a byte is read.
pub(crate) async fn read_bounded(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Error> {
    read_metered(headers, body, limit, |_| Ok(())).await
}

/// Like [`read_bounded`], but calls `on_chunk` with the size of each chunk before it is kept; `on_chunk` can refuse it.
pub(crate) async fn read_metered(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    on_chunk: impl FnMut(usize) -> Result<(), Error>,
) -> Result<Bytes, Error> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(got) = length.filter(|length| *length > limit as u64) {
        return Err(Error::Body(BodyError::TooLarge { limit, got: Some(got) }));
    }
    let expected = length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let read = tokio::time::timeout(BODY_TIMEOUT, read_whole(body, limit, expected, on_chunk)).await;
    read.map_err(|_| Error::Body(BodyError::Slow { seconds: BODY_TIMEOUT.as_secs() }))?
}

/// Reads all chunks of the body; `expected` is its `Content-Length`, or 0.
async fn read_whole(
    mut body: Body,
    limit: usize,
    expected: usize,
    mut on_chunk: impl FnMut(usize) -> Result<(), Error>,
) -> Result<Bytes, Error> {
    let Some(first) = read_chunk(&mut body, limit, limit).await? else { return Ok(Bytes::new()) };
    on_chunk(first.len())?;
    let Some(second) = read_chunk(&mut body, limit - first.len(), limit).await? else { return Ok(first) };
    on_chunk(second.len())?;
    // Only a body of several chunks is copied. Announced bytes that never arrive are untouched pages, which take no memory.
    let mut whole = BytesMut::with_capacity(expected.max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(next) = read_chunk(&mut body, limit - whole.len(), limit).await? {
        on_chunk(next.len())?;
        whole.extend_from_slice(&next);
    }
    Ok(whole.freeze())
}

/// Reads the next chunk of the body, of at most `left` bytes; `limit` is for the error.
async fn read_chunk(body: &mut Body, left: usize, limit: usize) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = tokio::time::timeout(BODY_IDLE_TIMEOUT, body.frame()).await;
        let frame = frame.map_err(|_| Error::Body(BodyError::Timeout { seconds: BODY_IDLE_TIMEOUT.as_secs() }))?;
        match frame.transpose().map_err(|error| classify_read_error(&error))?.map(http_body::Frame::into_data) {
            None => return Ok(None),
            Some(Ok(data)) if data.len() > left => return Err(Error::Body(BodyError::TooLarge { limit, got: None })),
            Some(Ok(data)) if data.is_empty() => {}
            Some(Ok(data)) => return Ok(Some(data)),
            Some(Err(_trailers)) => {}
        }
    }
}

/// Why a body is incomplete: it is malformed, or the connection broke off.
fn classify_read_error(error: &axum::Error) -> Error {
    let mut below: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = below {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if let Some(ErrorKind::InvalidData | ErrorKind::InvalidInput) = kind {
            return Error::Body(BodyError::Chunks);
        }
        below = error.source();
    }
    Error::Body(BodyError::Broken)
}

/// How long a body may pause. A client on a bad line sends a packet now and then.
pub(crate) const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a body may take: enough for 16 MiB at 2.3 Mbit/s. It bounds clients that send single bytes.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_pieces(pieces: &[&'static str], limit: usize) -> Result<Bytes, Error> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece)).collect();
        read_bounded(&HeaderMap::new(), Body::from_stream(futures_util::stream::iter(pieces)), limit).await
    }

    #[tokio::test]
    async fn pieces_become_one_body() {
        assert_eq!(read_pieces(&[], 3).await.expect("empty"), "");
        assert_eq!(read_pieces(&["abc"], 3).await.expect("fits"), "abc");
        assert_eq!(read_pieces(&["a", "", "b", "c"], 3).await.expect("fits"), "abc");
        for pieces in [&["abcd"][..], &["ab", "cd"], &["a", "b", "c", "d"]] {
            assert!(
                matches!(read_pieces(pieces, 3).await, Err(Error::Body(BodyError::TooLarge { limit: 3, .. }))),
                "{pieces:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_length_over_the_limit_is_refused_unread() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, "4".parse().expect("a value"));
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert!(matches!(
            read_bounded(&headers, body, 3).await,
            Err(Error::Body(BodyError::TooLarge { limit: 3, got: Some(4) }))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert!(matches!(
            read_bounded(&HeaderMap::new(), body, 3).await,
            Err(Error::Body(BodyError::Timeout { seconds: 10 }))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up() {
        let drips = futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(9)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        let error =
            read_bounded(&HeaderMap::new(), Body::from_stream(Box::pin(drips)), 100).await.expect_err("too slow");
        assert_eq!(error.to_string(), "the body did not arrive within 60 s");
        assert_eq!(error.slug(), "body-timeout");
    }
}
