//! Lingering close: discards the rest of a body that is still arriving when its request is answered.
//!
//! A server that closes a connection with unread bytes resets it. A reset can discard the answer before the client reads it, and that
//! answer says why the body was refused. So the server reads and discards the rest of the body after the answer, for a while.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;

/// A body whose unread rest is read and discarded when it is dropped.
struct LingeringBody(Body);

/// Wraps `body` so that its unread rest is discarded when it is dropped.
pub(crate) fn linger(headers: &HeaderMap, body: Body) -> Body {
    // A client that sent `Expect: 100-continue` waits with its body, and a read would ask for it.
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
        // Bytes that arrived with the head are read here, without a task.
        let mut left = MAX_DISCARDED_BYTES;
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(frame) = Pin::new(&mut rest).poll_frame(&mut context) {
            let Some(Ok(frame)) = frame else { return };
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = less;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER_TIMEOUT, discard(rest, left)));
        }
    }
}

async fn discard(mut rest: Body, mut left: usize) {
    while let Some(Ok(frame)) = rest.frame().await {
        let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = less;
    }
}

/// Like nginx's `lingering_time`, but shorter: a client that has not read its answer by then is not reading.
const LINGER_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of one body that are discarded.
const MAX_DISCARDED_BYTES: usize = 256 << 20;
