//! Half-closed clients, and clients that closed the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::*;
use super::start_router;
use crate::body::read_metered;

/// Counts a running call until it is dropped.
struct Working(Arc<AtomicUsize>);

impl Working {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Slow routes, and the number of their running calls.
fn routes() -> (Router, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let (whole, endless, streamed) = (Arc::clone(&count), Arc::clone(&count), Arc::clone(&count));
    let router = Router::new()
        .route(
            "/whole",
            any(async move |request: Request| {
                let _working = Working::begin(&whole);
                let (parts, body) = request.into_parts();
                match read_metered(&parts.headers, body, 1 << 20, |_| Ok(())).await {
                    Ok(body) => {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        format!("{} bytes", body.len()).into_response()
                    }
                    Err(error) => (error.status(), error.to_string()).into_response(),
                }
            }),
        )
        .route(
            "/endless",
            any(async move || {
                let _working = Working::begin(&endless);
                std::future::pending::<()>().await;
            }),
        )
        .route(
            "/streamed",
            get(async move || {
                let pieces = stream::unfold((0, Working::begin(&streamed)), async |(sent, working)| {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    (sent < 1000).then(|| (Ok::<_, Infallible>("a piece\n"), (sent + 1, working)))
                });
                Body::from_stream(Box::pin(pieces))
            }),
        );
    (router, count)
}

async fn connect(address: SocketAddr, request: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.expect("the server listens");
    connection.write_all(request.as_bytes()).await.expect("the connection is open");
    connection
}

/// Waits until `count` is `expected`, for up to 5 s.
async fn settles(count: &AtomicUsize, expected: usize) -> bool {
    for _ in 0..500 {
        if count.load(Ordering::SeqCst) == expected {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_client_that_sends_no_more_is_answered() {
    let (router, count) = routes();
    let address = start_router(router).await;
    let large = format!("POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n{}", "x".repeat(200_000));
    for (name, request, expected) in [
        ("GET", "GET /whole HTTP/1.1\r\nhost: x\r\n\r\n", &["100 Continue", "200 OK", "0 bytes"][..]),
        ("POST", "POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc", &["200 OK", "3 bytes"]),
        (
            "chunks",
            "POST /whole HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            &["200 OK", "1 bytes"],
        ),
        ("large", &large, &["200 OK", "200000 bytes"]),
        (
            "two at once",
            "GET /whole HTTP/1.1\r\nhost: x\r\n\r\nPOST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na",
            &["0 bytes", "1 bytes"],
        ),
        ("cut body", "POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab", &[]),
        ("cut head", "GET /whole HTTP/1.1\r\nhost: x", &[]),
        ("a version without interim answers", "GET /whole HTTP/1.0\r\nhost: x\r\n\r\n", &[]),
    ] {
        let mut connection = connect(address, request).await;
        connection.shutdown().await.expect("the connection is open");
        let mut answer = String::new();
        let read = tokio::time::timeout(Duration::from_secs(5), connection.read_to_string(&mut answer)).await;
        read.expect("the server closes it too").expect("text");
        for part in expected {
            assert!(answer.contains(part), "{name}: {part} is not in {answer:?}");
        }
        assert!(!expected.is_empty() || !answer.contains("200 OK"), "{name}: {answer:?}");
    }
    assert!(settles(&count, 0).await);
}

#[tokio::test]
async fn clients_that_are_gone_end_their_calls() {
    let (router, count) = routes();
    let address = start_router(router).await;
    for path in ["/endless", "/streamed"] {
        for version in ["1.1", "1.0"] {
            let request = format!("GET {path} HTTP/{version}\r\nhost: x\r\n\r\n");
            let mut connections = Vec::new();
            for _ in 0..50 {
                connections.push(connect(address, &request).await);
            }
            assert!(settles(&count, 50).await, "{path} {version}: all are under way");
            let begun = std::time::Instant::now();
            drop(connections);
            assert!(settles(&count, 0).await, "{path} {version}: {} go on", count.load(Ordering::SeqCst));
            assert!(begun.elapsed() < Duration::from_secs(1), "{path} {version}: {:?}", begun.elapsed());
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_no_more_and_leaves_later_ends_its_call() {
    let (router, count) = routes();
    let address = start_router(router).await;
    let mut connection = connect(address, "GET /streamed HTTP/1.1\r\nhost: x\r\n\r\n").await;
    connection.shutdown().await.expect("the connection is open");
    let mut some = [0; 300];
    connection.read_exact(&mut some).await.expect("it goes on");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    drop(connection);
    assert!(settles(&count, 0).await);
}

#[tokio::test]
async fn chunks_that_are_none_are_told_from_a_body_that_breaks_off() {
    let (router, _) = routes();
    let address = start_router(router).await;
    for (body, expected) in [
        ("zz\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400"),
        ("3\r\nabcdef\r\n0\r\n\r\n", "HTTP/1.1 400"),
        ("-1\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400"),
        ("fffffffffffffffff\r\nabc", "HTTP/1.1 400"),
        ("3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 200"),
    ] {
        let head = "POST /whole HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut connection = connect(address, &format!("{head}{body}")).await;
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(expected), "{body:?}: {answer}");
        assert!(expected.ends_with("200") || answer.contains("the body is not whole chunks"), "{answer}");
    }
}
