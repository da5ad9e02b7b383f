//! A body with timeouts, for readers that bound the size themselves; [`read_bounded`](super::read_bounded) bounds both for routes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::read::{BODY_IDLE_TIMEOUT, BODY_TIMEOUT};

/// Wraps `body` so that it fails if it pauses for too long or takes too long in total.
pub(crate) fn with_timeout(body: Body) -> Body {
    let now = Instant::now();
    let (idle, end) = (Box::pin(sleep_until(now + BODY_IDLE_TIMEOUT)), Box::pin(sleep_until(now + BODY_TIMEOUT)));
    Body::new(TimeoutBody { body, idle, end })
}

struct TimeoutBody {
    body: Body,
    idle: Pin<Box<Sleep>>,
    end: Pin<Box<Sleep>>,
}

impl http_body::Body for TimeoutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.idle.as_mut().reset(Instant::now() + BODY_IDLE_TIMEOUT);
            return Poll::Ready(frame);
        }
        let idle = self.idle.as_mut().poll(context).is_ready();
        if idle || self.end.as_mut().poll(context).is_ready() {
            let late = io::Error::new(io::ErrorKind::TimedOut, "the message did not arrive in time");
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_or_drips_fails() {
        let drips = |every: u64| {
            Body::from_stream(futures_util::stream::unfold((), move |()| {
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_secs(every)).await;
                    Some((Ok::<_, io::Error>("x"), ()))
                })
            }))
        };
        for (every, after) in [(11, BODY_IDLE_TIMEOUT), (9, BODY_TIMEOUT)] {
            let begun = Instant::now();
            with_timeout(drips(every)).collect().await.expect_err("too slow");
            assert_eq!(begun.elapsed(), after, "a byte every {every} s");
        }
        assert_eq!(with_timeout(Body::from("whole")).collect().await.expect("in time").to_bytes(), "whole");
    }
}
