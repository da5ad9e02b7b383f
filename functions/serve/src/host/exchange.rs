//! A request with its response: the stage of both, and whether the peer reads the response.
//!
//! hyper polls a body only if the socket and the HTTP/2 windows have room, and drops each chunk when it was sent. So a response makes
//! progress when a chunk is dropped. The peer blocks the response while chunks are unsent, or while hyper does not poll the body. A response
//! that waits for the next token of a network is not blocked by its peer.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::connections::{Connection, lock};
use crate::reply::IdleStream;

/// A request with its response.
pub(super) struct HttpExchange {
    connection: Arc<Connection>,
    id: u64,
    stage: Arc<Mutex<ExchangeStage>>,
}

/// The stage of an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) enum ExchangeStage {
    /// The request is incomplete.
    ReceivingBody,
    /// The request is complete, and the response has not begun.
    Working,
    /// The response is being sent.
    SendingBody {
        /// Chunks that hyper took and has not sent yet.
        unsent: usize,
        /// Whether the body had no chunk when hyper polled it.
        drained: bool,
        /// The time of the last progress.
        since: Instant,
        /// Whether the request is complete: a response can begin before that.
        request_complete: bool,
        /// Whether the response only notifies of changes, so that its connection may be closed for another.
        notifies_only: bool,
    },
}

impl ExchangeStage {
    /// For how long the peer has read nothing, if there is something to read.
    pub(super) fn blocked_for(&self, now: Instant) -> Option<Duration> {
        match *self {
            Self::SendingBody { unsent, drained, since, .. } if unsent > 0 || !drained => {
                Some(now.duration_since(since))
            }
            _ => None,
        }
    }
}

impl HttpExchange {
    pub(super) fn new(connection: Arc<Connection>, id: u64, stage: Arc<Mutex<ExchangeStage>>) -> Self {
        Self { connection, id, stage }
    }

    /// Wraps the body of the request, to record when it is complete.
    pub(super) fn wrap_request(self: &Arc<Self>, body: Incoming) -> Body {
        if http_body::Body::is_end_stream(&body) {
            self.complete_request();
            return Body::new(body);
        }
        Body::new(ReceivingBody { body, exchange: Arc::clone(self) })
    }

    /// Records that the request is complete.
    pub(super) fn complete_request(&self) {
        let mut stage = lock(&self.stage);
        match &mut *stage {
            ExchangeStage::ReceivingBody => *stage = ExchangeStage::Working,
            ExchangeStage::SendingBody { request_complete, .. } => return *request_complete = true,
            ExchangeStage::Working => return,
        }
        drop(stage);
        self.connection.record_request();
    }

    /// Wraps the response, to record when each chunk of its body was sent.
    pub(super) fn wrap_response(self: Arc<Self>, answer: Response<Body>) -> Response<SendingBody> {
        let notifies_only = answer.extensions().get::<IdleStream>().is_some();
        let mut stage = lock(&self.stage);
        let request_complete = matches!(*stage, ExchangeStage::Working);
        *stage = ExchangeStage::SendingBody {
            unsent: 0,
            drained: false,
            since: Instant::now(),
            request_complete,
            notifies_only,
        };
        drop(stage);
        answer.map(|body| SendingBody { body, rest: Bytes::new(), exchange: self })
    }

    fn update_sending(&self, change: impl FnOnce(&mut usize, &mut bool, &mut Instant)) {
        if let ExchangeStage::SendingBody { unsent, drained, since, .. } = &mut *lock(&self.stage) {
            change(unsent, drained, since);
        }
    }
}

impl Drop for HttpExchange {
    fn drop(&mut self) {
        self.connection.end_exchange(self.id);
    }
}

/// See [`HttpExchange::wrap_request`].
struct ReceivingBody {
    body: Incoming,
    exchange: Arc<HttpExchange>,
}

impl http_body::Body for ReceivingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || (frame.is_ready() && self.body.is_end_stream()) {
            self.exchange.complete_request();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// See [`HttpExchange::wrap_response`].
pub(super) struct SendingBody {
    body: Body,
    /// The rest of the last chunk, which hyper has not taken.
    rest: Bytes,
    exchange: Arc<HttpExchange>,
}

impl http_body::Body for SendingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        while self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => {
                    self.exchange.update_sending(|_, drained, _| *drained = true);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                ended @ Poll::Ready(_) => return ended,
            }
        }
        let length = self.rest.len().min(MAX_CHUNK_BYTES);
        let piece = BodyPiece { bytes: self.rest.split_to(length), exchange: Arc::clone(&self.exchange) };
        self.exchange.update_sending(|unsent, drained, since| {
            if *unsent == 0 {
                *since = Instant::now();
            }
            (*unsent, *drained) = (*unsent + 1, false);
        });
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for SendingBody {
    fn drop(&mut self) {
        // No chunk follows the unsent ones.
        self.exchange.update_sending(|_, drained, _| *drained = true);
    }
}

/// A chunk of a response, which hyper drops when it was sent.
struct BodyPiece {
    bytes: Bytes,
    exchange: Arc<HttpExchange>,
}

impl AsRef<[u8]> for BodyPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for BodyPiece {
    fn drop(&mut self) {
        self.exchange.update_sending(|unsent, _, since| (*unsent, *since) = (*unsent - 1, Instant::now()));
    }
}

/// The largest chunk. A peer that reads less than this within the write timeout is disconnected.
const MAX_CHUNK_BYTES: usize = 64 << 10;
