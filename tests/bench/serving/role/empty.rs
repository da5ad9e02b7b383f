//! The floor of an HTTP server: an axum handler that reads the body and answers with the length of the model's answers.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt;

/// Answers every `POST` with `bytes` bytes.
pub(super) fn serve(bytes: usize) {
    let answer = Bytes::from(vec![b' '; bytes]);
    let handler = move |body: Bytes| {
        let answer = answer.clone();
        async move {
            assert!(!body.is_empty(), "a call has a body");
            ([("content-type", "application/json")], answer)
        }
    };
    let routes = Router::new().fallback(handler).layer(DefaultBodyLimit::disable());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("it is bound"));
        let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
        axum::serve(listener, routes).await.expect("it serves until it is killed");
    });
}
