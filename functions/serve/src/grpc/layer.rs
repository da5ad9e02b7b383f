//! The gRPC services beside the HTTP routes, and the layer around them.

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

/// Adds the gRPC services to the router `http`.
pub(crate) fn with_grpc_services(http: Router, state: AppState) -> Router {
    let limit = state.limits().body_bytes;
    let service = GrpcInferenceServiceServer::new(Service::new(state.clone()))
        // A message has the limit of a body, before and after it is expanded.
        .max_decoding_message_size(limit)
        .max_encoding_message_size(usize::MAX)
        .accept_compressed(Gzip)
        .accept_compressed(Deflate)
        .send_compressed(Gzip)
        .send_compressed(Deflate);
    let health =
        HealthServer::new(HealthService::new(state.clone())).max_decoding_message_size(MAX_SHORT_MESSAGE_BYTES);
    let mut services = Router::new()
        .route_service("/inference.GRPCInferenceService/{method}", service)
        .route_service("/grpc.health.v1.Health/{method}", health);
    // The descriptors are built into this program, so they are valid.
    if let (Ok(v1), Ok(v1alpha)) = (reflection::v1(), reflection::v1alpha()) {
        services = services
            .route_service("/grpc.reflection.v1.ServerReflection/{method}", v1)
            .route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", v1alpha);
    }
    services.layer(from_fn_with_state(state, guard)).layer(from_fn(respond_to)).fallback_service(http)
}

/// Authenticates the caller, and refuses calls that have to be sealed, before a message is read. Bounds the message in size and time, and
/// reports the outcome to [`respond`](crate::reply::respond()).
async fn guard(State(state): State<AppState>, mut request: Request, next: Next) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    tracing::Span::current().record("route", format_args!("gRPC {}", loggable_method(&method)));
    let response = match authenticate_method(&state, &method, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().extend(caller);
            disable_unrequested_compression(request.headers_mut());
            let request = request.map(|body| bound_message(&method, body));
            let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            answered.unwrap_or_else(|_| Status::from(Error::internal("a method panicked")).into_http())
        }
        Err(error) => Status::from(error).into_http(),
    };
    let mut response = with_outcome(response);
    if IDLE_STREAM_METHODS.contains(&&*method) {
        response.extensions_mut().insert(IdleStream);
    }
    response
}

/// The caller of `method`, as a request extension; empty if the method needs no key or does not exist.
async fn authenticate_method(state: &AppState, method: &str, headers: &HeaderMap) -> Result<Extensions, Error> {
    let mut extensions = Extensions::new();
    if KEYED_METHODS.contains(&method) {
        if state.sealing().is_some_and(|sealing| sealing.policy() == SealingPolicy::Required) {
            return Err(Error::Sealed(SealedCallError::Required));
        }
        let routes =
            if method == STREAM_METHOD || method == "ModelInfer" { RouteScope::Infer } else { RouteScope::Models };
        let caller = Caller::authenticate(headers, &Extensions::new(), state, routes).await?.admit(state)?;
        if routes == RouteScope::Models {
            caller.take_read_request(state).await?;
        }
        extensions.insert(caller);
    }
    Ok(extensions)
}

/// Turns compression of the response off unless the request was compressed: clients accept gzip by default, and compressing takes longer
/// than most runs.
fn disable_unrequested_compression(headers: &mut HeaderMap) {
    if headers.get("grpc-encoding").is_none_or(|coding| coding == "identity") {
        headers.remove("grpc-accept-encoding");
    }
}

/// Bounds the body of a call to `method`. Tensors have the limit of their message, and all other messages are short. A stream may pause
/// between its calls.
fn bound_message(method: &str, body: Body) -> Body {
    match method {
        STREAM_METHOD => body,
        "ModelInfer" => with_timeout(body),
        _ => with_timeout(Body::new(Limited::new(body, MAX_SHORT_MESSAGE_BYTES))),
    }
}

/// Adds the outcome to `response`: the error in its status, and the HTTP status of that error.
fn with_outcome(mut response: Response<Body>) -> Response<Body> {
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

/// The name of a method for the log, which must not contain text from clients.
fn loggable_method(method: &str) -> &str {
    if PUBLIC_METHODS.contains(&method) || KEYED_METHODS.contains(&method) { method } else { "(none)" }
}

/// Methods that need neither a key nor a seal.
const PUBLIC_METHODS: [&str; 7] =
    ["ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "Check", "Watch", "ServerReflectionInfo"];
/// Those of them that are mostly idle streams, so that unauthenticated clients cannot hold connections with them.
const IDLE_STREAM_METHODS: [&str; 2] = ["Watch", "ServerReflectionInfo"];
/// Methods that need a key. A method that is missing here has no caller, and so fails.
const KEYED_METHODS: [&str; 8] = [
    "ModelMetadata",
    "ModelInfer",
    STREAM_METHOD,
    "ModelConfig",
    "ModelStatistics",
    "RepositoryIndex",
    "RepositoryModelLoad",
    "RepositoryModelUnload",
];
const STREAM_METHOD: &str = "ModelStreamInfer";
/// The most bytes of a message without tensors.
const MAX_SHORT_MESSAGE_BYTES: usize = 16 << 10;
