//! HTTP/1.1 under the script.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use amaas_wire::receipt::RECEIPT;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::reply::{ReplyAction, ServerAnswer};
use super::script::ReplyScript;
use super::{RecordedRequest, sealed, server_keys};

/// Serves until it is dropped; the connections end with it.
pub(super) async fn accept(listener: TcpListener, script: Arc<Mutex<ReplyScript>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        connections.spawn(async move {
            let service = service_fn(move |request| respond(request, Arc::clone(&script)));
            // A client that disconnects, and a scripted reset, are no errors of the test.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// An error makes hyper close the connection without an answer.
async fn respond(request: Request<Incoming>, script: Arc<Mutex<ReplyScript>>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let recorded = RecordedRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        outer_headers: None,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    let answer = if recorded.method == "GET" && server_keys::is_place(&recorded.path) {
        script.lock().unwrap_or_else(PoisonError::into_inner).keys(recorded)
    } else {
        answer(recorded, &script).await?
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(answer.body)).map_err(io::Error::other)
}

/// The scripted answer, sealed if the request was sealed.
async fn answer(recorded: RecordedRequest, script: &Mutex<ReplyScript>) -> io::Result<ServerAnswer> {
    let lock = || script.lock().unwrap_or_else(PoisonError::into_inner);
    let (recorded, pending) = if sealed::is_sealed(&recorded) {
        let ring = lock().lock.ring();
        match sealed::open(&ring, recorded) {
            Ok((inner, pending)) => (inner, Some(pending)),
            Err(answer) => return Ok(answer),
        }
    } else {
        (recorded, None)
    };
    let path = recorded.path().to_owned();
    let request_id = recorded.header(amaas_wire::predict::REQUEST_ID).map(str::to_owned);
    let reply = lock().answer(recorded.clone());

    let pending = pending.filter(|_| !reply.is_unsealed());
    let receipt_of = reply.receipt_of();
    let (mut headers, status, body) = match reply.play(&path) {
        (headers, ReplyAction::Answer { status, body }) => (headers, status, body),
        (_, ReplyAction::Hang) => std::future::pending().await,
        (_, ReplyAction::Reset | ReplyAction::Problem(_)) => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    if let Some(of) = receipt_of {
        let receipt = lock().lock.receipt(of, &recorded, &body).map_err(io::Error::other)?;
        headers.push((RECEIPT.to_owned(), receipt));
    }
    headers.splice(0..0, request_id.map(|id| ("x-request-id".to_owned(), id)));
    let answer = ServerAnswer { status, headers, body: body.into() };
    match pending {
        Some(pending) => sealed::seal(pending, &answer).map_err(io::Error::other),
        None => Ok(answer),
    }
}
