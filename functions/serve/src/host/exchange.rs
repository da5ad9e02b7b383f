//! A request and its answer: at which stage they are, and whether the peer goes on taking the answer.
//!
//! hyper asks a body for more only when there is room for it, in the socket and in the windows of HTTP/2, and drops each piece once it
//! has left. So an answer makes progress when a piece of it is dropped, and it is blocked by its reader while pieces are
//! out, or while nobody asks for one. An answer that waits for the next token of a network is blocked by nobody.

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

/// A request and its answer.
pub(super) struct HttpExchange {
    connection: Arc<Connection>,
    id: u64,
    stage: Arc<Mutex<ExchangeStage>>,
}

/// How far an exchange is.
#[derive(Clone, Copy, Debug)]
pub(super) enum ExchangeStage {
    /// The request is not whole.
    ReceivingBody,
    /// The answer is being made.
    Working,
    /// The answer leaves.
    SendingBody {
        /// Pieces that have not left.
        out: usize,
        /// Whether there was nothing more to take when hyper asked.
        dry: bool,
        /// The last progress.
        since: Instant,
        /// Whether the request is whole: one can be answered before it is.
        whole: bool,
        /// Whether the answer tells of changes and nothing else, so that its connection can go for another.
        idle: bool,
    },
}

impl ExchangeStage {
    /// For how long the reader has been taking nothing, if there is something to take.
    pub(super) fn blocked(&self, now: Instant) -> Option<Duration> {
        match *self {
            Self::SendingBody { out, dry, since, .. } if out > 0 || !dry => Some(now.duration_since(since)),
            _ => None,
        }
    }
}

impl HttpExchange {
    pub(super) fn new(connection: Arc<Connection>, id: u64, stage: Arc<Mutex<ExchangeStage>>) -> Self {
        Self { connection, id, stage }
    }

    /// The body of its request, which tells when it is whole.
    pub(super) fn receiving(self: &Arc<Self>, body: Incoming) -> Body {
        if http_body::Body::is_end_stream(&body) {
            self.received();
            return Body::new(body);
        }
        Body::new(ReceivingBody { body, exchange: Arc::clone(self) })
    }

    /// The request is whole.
    pub(super) fn received(&self) {
        let mut stage = lock(&self.stage);
        match &mut *stage {
            ExchangeStage::ReceivingBody => *stage = ExchangeStage::Working,
            ExchangeStage::SendingBody { whole, .. } => return *whole = true,
            ExchangeStage::Working => return,
        }
        drop(stage);
        self.connection.asked();
    }

    /// Its answer, whose body is in pieces that are seen leaving.
    pub(super) fn sending(self: Arc<Self>, answer: Response<Body>) -> Response<SendingBody> {
        let idle = answer.extensions().get::<IdleStream>().is_some();
        let mut stage = lock(&self.stage);
        let whole = matches!(*stage, ExchangeStage::Working);
        *stage = ExchangeStage::SendingBody { out: 0, dry: false, since: Instant::now(), whole, idle };
        drop(stage);
        answer.map(|body| SendingBody { body, rest: Bytes::new(), exchange: self })
    }

    fn on_sending(&self, change: impl FnOnce(&mut usize, &mut bool, &mut Instant)) {
        if let ExchangeStage::SendingBody { out, dry, since, .. } = &mut *lock(&self.stage) {
            change(out, dry, since);
        }
    }
}

impl Drop for HttpExchange {
    fn drop(&mut self) {
        self.connection.ended(self.id);
    }
}

/// See [`HttpExchange::receiving`].
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
            self.exchange.received();
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

/// See [`HttpExchange::sending`].
pub(super) struct SendingBody {
    body: Body,
    /// What has not been given of the last piece.
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
                    self.exchange.on_sending(|_, dry, _| *dry = true);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                ended @ Poll::Ready(_) => return ended,
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = BodyPiece { bytes: self.rest.split_to(length), exchange: Arc::clone(&self.exchange) };
        self.exchange.on_sending(|out, dry, since| {
            if *out == 0 {
                *since = Instant::now();
            }
            (*out, *dry) = (*out + 1, false);
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
        // Nothing comes after the pieces that are out.
        self.exchange.on_sending(|_, dry, _| *dry = true);
    }
}

/// A piece of an answer. It is dropped when it has left.
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
        self.exchange.on_sending(|out, _, since| (*out, *since) = (*out - 1, Instant::now()));
    }
}

/// The most that leaves as one: whoever takes less than this in the time for a write is cut.
const PIECE: usize = 64 << 10;
