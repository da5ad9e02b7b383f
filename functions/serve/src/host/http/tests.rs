//! Tests of the server over TCP.

mod half_close;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::connections::FIRST_HEAD_TIMEOUT;
use super::*;
use crate::limits::Limits;
use amaas_access::Accounts;

/// A server without models, and the sender that stops it.
async fn start() -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
    start_with(Limits::default()).await
}

async fn start_with(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
    let state = AppState::builder(Accounts::in_memory().expect("randomness"), limits).build();
    let server = Server::bind("127.0.0.1", 0).await.expect("a free port");
    let (address, (stop, stopped)) = (server.address(), oneshot::channel());
    let serving = tokio::spawn(serve(server, state, async { stopped.await.unwrap_or_default() }));
    (address, stop, serving)
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_whole_head_is_cut() {
    let (address, _stop, _) = start().await;
    for head in ["", "GET /v2 HTTP/1.1\r\nhost:", "PRI * HTTP/2.0\r\n"] {
        let begun = Instant::now();
        let mut connection = TcpStream::connect(address).await.expect("the server listens");
        connection.write_all(head.as_bytes()).await.expect("the connection is open");
        let mut answer = Vec::new();
        // Paused time advances by itself when all tasks are idle.
        let _ = connection.read_to_end(&mut answer).await;
        let took = begun.elapsed();
        assert!((FIRST_HEAD_TIMEOUT..FIRST_HEAD_TIMEOUT * 2).contains(&took), "{head:?}: {took:?}");
    }
}

/// The response to `request` on a new connection; empty if the server closes it.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut connection = TcpStream::connect(address).await.expect("the server listens");
    connection.write_all(request.as_bytes()).await.expect("the connection is open");
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const LIVE: &str = "GET /v2/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_kept_is_cut_later() {
    let (address, _stop, _) = start().await;
    let mut connection = TcpStream::connect(address).await.expect("the server listens");
    connection.write_all(LIVE.replace("connection: close\r\n", "").as_bytes()).await.expect("the connection is open");
    let (begun, mut answer) = (Instant::now(), Vec::new());
    let _ = connection.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert!((KEEP_ALIVE_TIMEOUT..KEEP_ALIVE_TIMEOUT * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn silent_connections_make_room_for_calls() {
    let (address, _stop, _) = start_with(Limits { connections: 3, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for begun in ["", "PRI * HT", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"] {
        let mut connection = TcpStream::connect(address).await.expect("the server listens");
        connection.write_all(begun.as_bytes()).await.expect("the connection is open");
        silent.push(connection);
        // Responses arrive in this order.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..20 {
        assert!(ask(address, LIVE).await.starts_with("HTTP/1.1 200"));
    }
    let mut end = [0; 1];
    assert_eq!(silent[0].read(&mut end).await.ok().filter(|read| *read > 0), None, "the oldest was closed");
}

#[tokio::test]
async fn a_head_has_a_size() {
    let (address, _stop, _) = start().await;
    for (size, status) in [(40_000, "HTTP/1.1 200"), (70_000, "HTTP/1.1 431")] {
        let head = LIVE.replace("host: x", &format!("host: x\r\nfill: {}", "x".repeat(size)));
        let answer = ask(address, &head).await;
        assert!(answer.starts_with(status), "{size}: {answer}");
    }
    // The body is refused before it is complete.
    let endless = format!("GET / HTTP/1.1\r\nfill: {}", "x".repeat(200_000));
    assert!(ask(address, &endless).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn http2_is_known_by_its_preface_however_it_arrives() {
    let (address, _stop, _) = start().await;
    let mut connection = TcpStream::connect(address).await.expect("the server listens");
    connection.set_nodelay(true).expect("an option that there is");
    for byte in HTTP2_PREFACE {
        connection.write_all(&[*byte]).await.expect("the connection is open");
        tokio::task::yield_now().await;
    }
    // RFC 9113 §3.4: the server's own preface is a frame of settings (§4.1: three bytes of length, then the type).
    let mut frame = [0; 9];
    connection.read_exact(&mut frame).await.expect("an answer");
    assert_eq!(frame[3], 4, "{frame:?}");
}

#[tokio::test]
async fn idle_connections_do_not_hold_a_server_that_stops() {
    let (address, stop, serving) = start().await;
    let (_untouched, mut begun) = (
        TcpStream::connect(address).await.expect("the server listens"),
        TcpStream::connect(address).await.expect("the server listens"),
    );
    begun.write_all(b"PRI * ").await.expect("the connection is open");
    let mut idle = TcpStream::connect(address).await.expect("the server listens");
    idle.write_all(b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("the connection is open");
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let asked = std::time::Instant::now();
    stop.send(()).expect("the server waits");
    serving.await.expect("no panic").expect("no error");
    assert!(asked.elapsed() < DRAIN_TIMEOUT / 2, "the server does not wait for idle connections");
    assert!(TcpStream::connect(address).await.is_err(), "the server stopped listening");
}

/// A server of `router` with a write timeout of a second.
async fn start_router(router: Router) -> SocketAddr {
    let limits = Limits { write_timeout: Duration::from_secs(1), ..Limits::default() };
    let state = AppState::builder(Accounts::in_memory().expect("randomness"), limits).build();
    let Server { listener, address } = Server::bind("127.0.0.1", 0).await.expect("a free port");
    tokio::spawn(async move { accept_connections(listener, &router, &GracefulShutdown::new(), &state).await });
    address
}

/// Bytes that record when they are dropped.
struct Large(Vec<u8>, Arc<AtomicBool>);

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
    }
}

/// A route with a response of `size` bytes in one chunk, another with endless chunks, and a flag that is set when a response is dropped.
fn large(size: usize) -> (Router, Arc<AtomicBool>) {
    let gone = Arc::new(AtomicBool::new(false));
    let (whole, endless) = (Arc::clone(&gone), Arc::clone(&gone));
    let router = Router::new()
        .route("/whole", get(move || async move { Body::from(Bytes::from_owner(Large(vec![7; size], whole))) }))
        .route(
            "/endless",
            get(move || async move {
                let large = Large(vec![7; 1000], endless);
                let pieces = stream::unfold(large, async |large| {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some((Ok::<_, Infallible>(Bytes::copy_from_slice(&large.0.repeat(100))), large))
                });
                Body::from_stream(Box::pin(pieces))
            }),
        )
        .route(
            "/slow",
            get(async || {
                let pieces = stream::iter(["one", "two", "three"]).then(async |piece| {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    Ok::<_, Infallible>(piece)
                });
                Body::from_stream(Box::pin(pieces))
            }),
        );
    (router, gone)
}

/// An HTTP/2 call to `path` by a peer whose flow-control window is `window` bytes and never grows.
fn http2_call(path: &str, window: u32) -> Vec<u8> {
    let settings = [&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4][..], &window.to_be_bytes()].concat();
    // RFC 7541, appendix A: 2 is GET, 6 is http, 4 a path and 1 an authority of one's own.
    let length = |text: &str| u8::try_from(text.len()).expect("short");
    let fields = [&[0x82, 0x86, 0x04, length(path)][..], path.as_bytes(), &[0x01, 1, b'x']].concat();
    let headers = [&[0, 0, u8::try_from(fields.len()).expect("short"), 1, 5, 0, 0, 0, 1][..], &fields].concat();
    [HTTP2_PREFACE, &settings, &headers].concat()
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_cut_and_its_memory_given_back() {
    let http1 = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes();
    for (name, call) in [
        ("HTTP/1", http1("/whole")),
        ("HTTP/1, streamed", http1("/endless")),
        ("HTTP/2 without a window", http2_call("/whole", 0)),
        ("HTTP/2 with a window that stays full", http2_call("/whole", 65_535)),
        ("HTTP/2, streamed", http2_call("/endless", 65_535)),
    ] {
        let (router, gone) = large(64 << 20);
        let address = start_router(router).await;
        let mut connection = TcpStream::connect(address).await.expect("the server listens");
        connection.write_all(&call).await.expect("the connection is open");
        let begun = std::time::Instant::now();
        while !gone.load(Ordering::SeqCst) {
            assert!(begun.elapsed() < Duration::from_secs(10), "{name}: it is still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(begun.elapsed() > Duration::from_millis(900), "{name}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn who_takes_an_answer_slowly_and_who_waits_for_one_gets_it_whole() {
    const SIZE: usize = 24 << 20;
    let (router, _gone) = large(SIZE);
    let address = start_router(router).await;
    let mut slow = TcpStream::connect(address).await.expect("the server listens");
    slow.write_all(b"GET /whole HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("the connection is open");
    let reading = async {
        let (mut read, mut buffer) = (0, vec![0; 1 << 20]);
        loop {
            match slow.read(&mut buffer).await.expect("the connection is open") {
                0 => return read,
                more => read += more,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waiting = ask(address, "GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let (read, waited) = tokio::join!(reading, waiting);
    assert!(read > SIZE, "{read}");
    assert!(waited.contains("three"), "{waited}");
}
