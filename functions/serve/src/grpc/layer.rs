//! The service beside the routes, and what stands around it.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use futures_util::FutureExt;
use http::{Extensions, HeaderMap, Response, StatusCode};
use http_body_util::Limited;
use tonic::Status;
use tonic::codec::CompressionEncoding::{Deflate, Gzip};
use tonic_health::pb::health_server::HealthServer;

use super::health::HealthService;
use super::proto::grpc_inference_service_server::GrpcInferenceServiceServer;
use super::reflection;
use super::service::Service;
use crate::body::with_timeout;
use crate::error::Error;
use crate::error::SealedCallError;
use crate::reply::{FinalResponse, IdleStream, respond_to};
use crate::request::Caller;
use crate::sealing::SealingPolicy;
use crate::state::AppState;
use amaas_access::RouteScope;

/// `http` with the service on its own path.
pub(crate) fn beside(http: Router, state: AppState) -> Router {
    let limit = state.limits().body_bytes;
    let service = GrpcInferenceServiceServer::new(Service::new(state.clone()))
        // A message has the bound of a body, and as much once it is expanded.
        .max_decoding_message_size(limit)
        .max_encoding_message_size(usize::MAX)
        .accept_compressed(Gzip)
        .accept_compressed(Deflate)
        .send_compressed(Gzip)
        .send_compressed(Deflate);
    let health = HealthServer::new(HealthService::new(state.clone())).max_decoding_message_size(SHORT);
    let mut services = Router::new()
        .route_service("/inference.GRPCInferenceService/{method}", service)
        .route_service("/grpc.health.v1.Health/{method}", health);
    // What describes the services was made with this program.
    if let (Ok(v1), Ok(v1alpha)) = (reflection::v1(), reflection::v1alpha()) {
        services = services
            .route_service("/grpc.reflection.v1.ServerReflection/{method}", v1)
            .route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", v1alpha);
    }
    services.layer(from_fn_with_state(state, guard)).layer(from_fn(respond_to)).fallback_service(http)
}

/// Refuses whoever has no key and what has to be sealed, before a message is read; bounds and paces the message; and tells [`respond`]
/// how the call ended.
async fn guard(State(state): State<AppState>, mut request: Request, next: Next) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    tracing::Span::current().record("route", format_args!("gRPC {}", known(&method)));
    let response = match admitted(&state, &method, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().extend(caller);
            uncompressed(request.headers_mut());
            let request = request.map(|body| bounded(&method, body));
            let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            answered.unwrap_or_else(|_| Status::from(Error::internal("a method panicked")).into_http())
        }
        Err(error) => Status::from(error).into_http(),
    };
    let mut response = finished(response);
    if WAITING.contains(&&*method) {
        response.extensions_mut().insert(IdleStream);
    }
    response
}

/// Who calls `method`, in the form in which a request carries it; nobody where anybody may, or where there is no such method.
async fn admitted(state: &AppState, method: &str, headers: &HeaderMap) -> Result<Extensions, Error> {
    let mut extensions = Extensions::new();
    if KEYED.contains(&method) {
        if state.sealing().is_some_and(|sealing| sealing.policy() == SealingPolicy::Required) {
            return Err(Error::Sealed(SealedCallError::Required));
        }
        let routes = if method == STREAM || method == "ModelInfer" { RouteScope::Infer } else { RouteScope::Models };
        let caller = Caller::authenticate(headers, &Extensions::new(), state, routes).await?.admit(state)?;
        if routes == RouteScope::Models {
            caller.take_read_request(state).await?;
        }
        extensions.insert(caller);
    }
    Ok(extensions)
}

/// Leaves an answer as it is, unless the call was compressed: clients say that they take gzip whether or not they want it, and
/// compressing takes longer than most runs.
fn uncompressed(headers: &mut HeaderMap) {
    if headers.get("grpc-encoding").is_none_or(|coding| coding == "identity") {
        headers.remove("grpc-accept-encoding");
    }
}

/// The body of a call to `method`: tensors have the bound of their message, and all else is short. A stream may pause between its calls.
fn bounded(method: &str, body: Body) -> Body {
    match method {
        STREAM => body,
        "ModelInfer" => with_timeout(body),
        _ => with_timeout(Body::new(Limited::new(body, SHORT))),
    }
}

/// `response`, with the error that is in its status, and the HTTP status that the error would have.
fn finished(mut response: Response<Body>) -> Response<Body> {
    let status = response.extensions().get::<Status>();
    let source = status.and_then(std::error::Error::source).and_then(|source| source.downcast_ref::<Error>()).cloned();
    let status = match (&source, status) {
        (Some(error), _) => error.status(),
        (None, Some(_)) => StatusCode::BAD_REQUEST,
        (None, None) => response.status(),
    };
    response.extensions_mut().insert(FinalResponse { status, error: source });
    response
}

/// The name of a method in a log, which is not to have any text from outside.
fn known(method: &str) -> &str {
    if OPEN.contains(&method) || KEYED.contains(&method) { method } else { "(none)" }
}

/// What is answered without a key, and so without a seal.
const OPEN: [&str; 7] =
    ["ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "Check", "Watch", "ServerReflectionInfo"];
/// Which of these are streams that wait most of the time, so that no stranger holds a connection with them.
const WAITING: [&str; 2] = ["Watch", "ServerReflectionInfo"];
/// What is answered with one. The service has no caller for a method that is missing here, and so no answer.
const KEYED: [&str; 8] = [
    "ModelMetadata",
    "ModelInfer",
    STREAM,
    "ModelConfig",
    "ModelStatistics",
    "RepositoryIndex",
    "RepositoryModelLoad",
    "RepositoryModelUnload",
];
const STREAM: &str = "ModelStreamInfer";
/// Bytes of a message that names a model.
const SHORT: usize = 16 << 10;
