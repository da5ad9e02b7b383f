//! The bytes of a connection, for hyper; and the end of what a peer sends, which is not always the end of the peer.
//!
//! A client that shuts down its writing side behind its request (`nc -N`, a half-close) and one that closes its socket both send a FIN,
//! and TCP tells no more of them until something is sent: the first takes it, the second answers with a reset. Servers choose one reading
//! for both. nginx (499) and uvicorn give the call up, and the first client has no answer; Go and hyper's `half_close` answer, and
//! work on for the second. Here the server sends `100 Continue`, which every client of HTTP/1.1 has to skip (RFC 9110 §15.2), and the
//! reset ends the call. An answer that has begun to leave asks the same question by itself. A client of HTTP/1.0 may be sent no such
//! thing, so its FIN ends its call: nginx as a proxy speaks 1.0 by default, and closes when its own client does.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::connections::{AwaitedBytes, Connection};

/// A connection of HTTP.
pub(super) struct ConnectionIo {
    /// What was read before it was known which version of HTTP it is.
    first: Cursor<Vec<u8>>,
    socket: TcpStream,
    connection: Arc<Connection>,
    /// Whether all that hyper has to send was taken by the socket.
    flushed: bool,
    ended: Option<PeerHalfClosed>,
}

/// A peer that sends no more.
struct PeerHalfClosed {
    since: Instant,
    asked: bool,
    tick: Pin<Box<Sleep>>,
}

impl ConnectionIo {
    /// `socket`, from which `first` was read already.
    pub(super) fn new(first: Vec<u8>, socket: TcpStream, connection: Arc<Connection>) -> Self {
        Self { first: Cursor::new(first), socket, connection, flushed: true, ended: None }
    }

    /// Goes on after the end of what the peer sends: ready once hyper is to hear of it, with an error where the peer is gone.
    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.ended.get_or_insert_with(|| PeerHalfClosed {
            since: Instant::now(),
            asked: false,
            tick: Box::pin(sleep(TICK)),
        });
        loop {
            match self.connection.awaited() {
                AwaitedBytes::Nothing => return Poll::Ready(Ok(())),
                // hyper may have all of a body of which the route has not read the end.
                AwaitedBytes::Request if ended.since.elapsed() >= READING => return Poll::Ready(Ok(())),
                AwaitedBytes::Answer if !ended.asked && self.flushed => {
                    ended.asked = true;
                    match self.socket.try_write(CONTINUE) {
                        Ok(written) if written == CONTINUE.len() => {}
                        // There is room for so little in a socket that is empty.
                        Ok(_) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => ended.asked = false,
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                AwaitedBytes::Answer | AwaitedBytes::Rest | AwaitedBytes::Request => {}
            }
            if let Some(error) = self.socket.take_error()? {
                return Poll::Ready(Err(error));
            }
            std::task::ready!(ended.tick.as_mut().poll(context));
            ended.tick.as_mut().reset(Instant::now() + TICK);
        }
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.first.position() < this.first.get_ref().len() as u64 {
            return Pin::new(&mut this.first).poll_read(context, buffer);
        }
        if this.ended.is_none() {
            std::task::ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        this.poll_ended(context)
    }
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.flushed = false;
        Pin::new(&mut this.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.flushed = false;
        Pin::new(&mut this.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// hyper calls it when it has nothing left.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.flushed = true;
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

/// RFC 9110 §15.2.1. Some clients, Python's among them, skip no other interim answer.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// How long a route may take to read a body that hyper has.
const READING: Duration = Duration::from_secs(2);
/// How often a peer that sends no more is looked at.
const TICK: Duration = Duration::from_millis(25);
