//! The service beside the routes, and what stands around it.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use http::{Response, StatusCode};
use tonic::Status;
use tonic::codec::CompressionEncoding::{Deflate, Gzip};

use super::proto::grpc_inference_service_server::GrpcInferenceServiceServer;
use super::service::Service;
use crate::error::Error;
use crate::reply::{Finished, respond};
use crate::request::paced;
use crate::router::Host;
use crate::seal::Policy;

/// `http` with the service on its own path.
pub(crate) fn beside(http: Router, host: Host) -> Router {
    let limit = host.limits().body_bytes;
    let service = GrpcInferenceServiceServer::new(Service::new(host.clone()))
        // A message has the bound of a body, and as much once it is expanded.
        .max_decoding_message_size(limit)
        .max_encoding_message_size(usize::MAX)
        .accept_compressed(Gzip)
        .accept_compressed(Deflate)
        .send_compressed(Gzip)
        .send_compressed(Deflate);
    Router::new()
        .route_service("/inference.GRPCInferenceService/{method}", service)
        .layer(from_fn_with_state(host, guard))
        .layer(from_fn(respond))
        .fallback_service(http)
}

/// Refuses what has to be sealed, paces the message of a call, and tells [`respond`] how the call ended.
async fn guard(State(host): State<Host>, request: Request, next: Next) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    tracing::Span::current().record("route", format_args!("gRPC {}", known(&method)));
    let required = host.sealing().is_some_and(|sealing| sealing.policy() == Policy::Required);
    let response = if required && !OPEN.contains(&&*method) {
        Status::from(Error::SealingRequired).into_http()
    } else {
        // A stream may pause between its calls.
        let request = if method == STREAM { request } else { request.map(paced) };
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answered.unwrap_or_else(|_| Status::from(Error::internal("a method panicked")).into_http())
    };
    finished(response)
}

/// `response`, with the error that is in its status, and the HTTP status that the error would have.
fn finished(response: Response<Body>) -> Response<Body> {
    let mut response = response.into_response();
    let status = response.extensions().get::<Status>();
    let source = status.and_then(std::error::Error::source).and_then(|source| source.downcast_ref::<Error>()).cloned();
    let status = match (&source, status) {
        (Some(error), _) => error.status(),
        (None, Some(_)) => StatusCode::BAD_REQUEST,
        (None, None) => response.status(),
    };
    response.extensions_mut().insert(Finished { status, error: source });
    response
}

/// The name of a method in a log, which is not to have any text from outside.
fn known(method: &str) -> &str {
    let letters = method.len() <= 32 && method.bytes().all(|byte| byte.is_ascii_alphabetic());
    if letters { method } else { "(none)" }
}

/// What is answered without a key, and so without a seal.
const OPEN: [&str; 4] = ["ServerLive", "ServerReady", "ServerMetadata", "ModelReady"];
const STREAM: &str = "ModelStreamInfer";
