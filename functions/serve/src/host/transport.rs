//! The socket of a connection, for hyper. It distinguishes a half-closed peer from one that is gone.
//!
//! A client that half-closes its connection after the request (`nc -N`) and one that closes its socket both send a FIN. TCP shows the
//! difference only when the server sends something: the first client reads it, the second answers with a reset. Most servers treat both
//! alike. nginx (499) and uvicorn abort the call, so the first client gets no response. Go and hyper's `half_close` complete the call, also
//! for the second client. This server sends `100 Continue`, which each HTTP/1.1 client has to skip (RFC 9110 §15.2); a reset then ends the
//! call. If the response has begun, sending it has the same effect. HTTP/1.0 has no interim responses, so a FIN of an HTTP/1.0 client ends
//! its call. This suits nginx, which as a proxy speaks 1.0 by default, and closes when its own client does.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::connections::{AwaitedBytes, Connection};

/// The socket of an HTTP connection.
pub(super) struct ConnectionIo {
    /// Bytes that were read to detect the version of HTTP.
    first: Cursor<Vec<u8>>,
    socket: TcpStream,
    connection: Arc<Connection>,
    /// Whether the socket took everything that hyper had to send.
    flushed: bool,
    half_closed: Option<PeerHalfClosed>,
}

/// The state of a connection after the peer's FIN.
struct PeerHalfClosed {
    since: Instant,
    probed: bool,
    check_timer: Pin<Box<Sleep>>,
}

impl ConnectionIo {
    /// Wraps `socket`, from which `first` was read already.
    pub(super) fn new(first: Vec<u8>, socket: TcpStream, connection: Arc<Connection>) -> Self {
        Self { first: Cursor::new(first), socket, connection, flushed: true, half_closed: None }
    }

    /// Continues after the peer's FIN. Ready when hyper may see the end of input, or with an error if the peer is gone.
    fn poll_half_closed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let peer = self.half_closed.get_or_insert_with(|| PeerHalfClosed {
            since: Instant::now(),
            probed: false,
            check_timer: Box::pin(sleep(CHECK_INTERVAL)),
        });
        loop {
            match self.connection.awaited_bytes() {
                AwaitedBytes::Nothing => return Poll::Ready(Ok(())),
                // hyper may have the whole body while the route has not read its end.
                AwaitedBytes::Request if peer.since.elapsed() >= BODY_READ_TIMEOUT => return Poll::Ready(Ok(())),
                AwaitedBytes::Answer if !peer.probed && self.flushed => {
                    peer.probed = true;
                    match self.socket.try_write(CONTINUE_RESPONSE) {
                        Ok(written) if written == CONTINUE_RESPONSE.len() => {}
                        // An empty socket buffer always has room for these bytes.
                        Ok(_) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => peer.probed = false,
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                AwaitedBytes::Answer | AwaitedBytes::Rest | AwaitedBytes::Request => {}
            }
            if let Some(error) = self.socket.take_error()? {
                return Poll::Ready(Err(error));
            }
            std::task::ready!(peer.check_timer.as_mut().poll(context));
            peer.check_timer.as_mut().reset(Instant::now() + CHECK_INTERVAL);
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
        if this.half_closed.is_none() {
            std::task::ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        this.poll_half_closed(context)
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

    /// hyper calls this when it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.flushed = true;
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

/// RFC 9110 §15.2.1. Some clients, such as Python's, skip no other interim response.
const CONTINUE_RESPONSE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// How long a route may take to read a body that hyper has.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the server checks whether a half-closed peer is gone.
const CHECK_INTERVAL: Duration = Duration::from_millis(25);
