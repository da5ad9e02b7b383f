//! HTTP/1.1 under the script.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Recorded;
use super::reply::Action;
use super::script::Script;

/// Serves until it is dropped; the connections end with it.
pub(super) async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&script)));
            // A client that leaves, and a scripted reset, are no errors of the test.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// An error makes hyper close the connection without an answer.
async fn answer(request: Request<Incoming>, script: Arc<Mutex<Script>>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let recorded = Recorded {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    let path = recorded.path().to_owned();
    let request_id = recorded.header(amaas_wire::predict::REQUEST_ID).map(str::to_owned);
    let reply = script.lock().unwrap_or_else(PoisonError::into_inner).answer(recorded);

    let (headers, status, body) = match reply.play(&path) {
        (headers, Action::Answer { status, body }) => (headers, status, body),
        (_, Action::Hang) => std::future::pending().await,
        (_, Action::Reset | Action::Problem(_)) => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in request_id.iter().map(|id| ("x-request-id", id)).chain(headers.iter().map(pair)) {
        response = response.header(name, value);
    }
    response.body(Full::new(body.into())).map_err(io::Error::other)
}

fn pair((name, value): &(String, String)) -> (&str, &String) {
    (name, value)
}
