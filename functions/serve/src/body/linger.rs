//! Bodies that are still on their way when their request is answered.
//!
//! A server that closes a connection with unread bytes resets it, and a reset takes away from the caller what it has not
//! read yet: the very answer that says why its body was not wanted. So the rest of a body is read and thrown away behind
//! the answer, for a while.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;

/// A body of which nothing is left unread, whenever it is dropped.
struct LingeringBody(Body);

/// `body`, the rest of which is thrown away when it is dropped.
pub(crate) fn linger(headers: &HeaderMap, body: Body) -> Body {
    // Whoever asks before it sends has nothing on its way, and must not be told to go on.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) { body } else { Body::new(LingeringBody(body)) }
}

impl http_body::Body for LingeringBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        let mut rest = std::mem::take(&mut self.0);
        // What came with the head is there already, and needs nobody to wait for it.
        let mut left = LARGEST;
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(frame) = Pin::new(&mut rest).poll_frame(&mut context) {
            let Some(Ok(frame)) = frame else { return };
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = less;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST, discard(rest, left)));
        }
    }
}

async fn discard(mut rest: Body, mut left: usize) {
    while let Some(Ok(frame)) = rest.frame().await {
        let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = less;
    }
}

/// As nginx's `lingering_time`, but shorter: a caller that has not read its answer by then is not reading.
const LONGEST: Duration = Duration::from_secs(10);
/// What is thrown away of one body at most.
const LARGEST: usize = 256 << 20;
