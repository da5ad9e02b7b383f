//! A body of several buffers, such as the outputs of a network, which are sent without a copy.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The chunks, in order. Their total length is known, so the response has a content length.
pub(crate) struct BytesBody(VecDeque<Bytes>);

impl FromIterator<Bytes> for BytesBody {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut pieces: VecDeque<_> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        // Up to this size, a copy costs less than a second frame.
        if pieces.iter().map(Bytes::len).sum::<usize>() <= MAX_FLATTENED_BYTES {
            let flattened: Vec<u8> = pieces.drain(..).flatten().collect();
            pieces.push_back(flattened.into());
        }
        Self(pieces)
    }
}

impl Body for BytesBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

/// The size of hyper's buffer, into which it flattens small chunks.
const MAX_FLATTENED_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn large_pieces_stay_apart_and_where_they_are() {
        let large = Bytes::from(vec![7; MAX_FLATTENED_BYTES]);
        let mut body = BytesBody::from_iter([Bytes::from_static(b"json"), Bytes::new(), large.clone()]);
        assert_eq!(body.size_hint().exact(), Some(4 + MAX_FLATTENED_BYTES as u64));
        let first = body.frame().await.expect("a piece").expect("no error").into_data().expect("data");
        let second = body.frame().await.expect("a piece").expect("no error").into_data().expect("data");
        assert_eq!((&*first, second.as_ptr()), (&b"json"[..], large.as_ptr()));
        assert!(body.frame().await.is_none() && body.is_end_stream());
        let small = BytesBody::from_iter([Bytes::from_static(b"js"), Bytes::from_static(b"on")]);
        assert_eq!(small.0, ["json"]);
    }
}
