//! The Lambda Runtime API: Function URL and API Gateway v2 events, buffered or streaming.

use std::future::Future;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use lambda_http::RequestExt;
use tower::ServiceExt;

use crate::config::ResponseMode;
use crate::error::Error;
use crate::router::{Host, finish, router, routes};

/// Answers invocations until the runtime ends. Nothing is bound to a port.
pub(crate) async fn run(host: Host, mode: ResponseMode) -> Result<(), lambda_runtime::Error> {
    let draining = host.clone();
    shutdown_hook(move || async move { draining.drain() }).await;
    match mode {
        ResponseMode::Stream => {
            let router = router(host);
            let service = tower::service_fn(move |request| router.clone().oneshot(request_id(request)));
            lambda_http::run_with_streaming_response_concurrent(service).await
        }
        ResponseMode::Buffered => {
            let router = finish(routes(host).layer(axum::middleware::from_fn(limit)));
            let service = tower::service_fn(move |request| {
                let answer = router.clone().oneshot(request_id(request));
                async move { Ok::<_, lambda_runtime::Error>(buffered(answer.await?).await?) }
            });
            lambda_http::run_concurrent(service).await
        }
    }
}

/// Lambda's own id of the invocation, where the caller chose none: it stands in every log line of the platform.
fn request_id(mut request: lambda_http::Request) -> Request<lambda_http::Body> {
    let context = request.lambda_context_ref().map(|context| context.request_id.clone());
    if let Some(Ok(id)) = context.map(|id| HeaderValue::from_str(&id)) {
        request.headers_mut().entry(amaas_wire::predict::REQUEST_ID).or_insert(id);
    }
    request
}

/// Lambda drops a buffered answer that is too large and tells the caller 502; this tells what was wrong.
async fn limit(request: Request<Body>, next: axum::middleware::Next) -> Response<Body> {
    let response = next.run(request).await;
    match response.body().size_hint().lower() {
        size if size <= LARGEST_ANSWER => response,
        got => Error::AnswerTooLarge { limit: LARGEST_ANSWER, got }.into_response(),
    }
}

/// The answer in one piece; text stays text, so that it is not sent as base64.
async fn buffered(response: Response<Body>) -> Result<Response<lambda_http::Body>, axum::Error> {
    let (parts, body) = response.into_parts();
    let body = Vec::from(body.collect().await?.to_bytes());
    let body = String::from_utf8(body).map_or_else(|bytes| bytes.into_bytes().into(), lambda_http::Body::from);
    Ok(Response::from_parts(parts, body))
}

/// Runs `hook` when Lambda is about to end the process. Lambda tells only processes that registered an extension, and
/// the crate's own helper panics where that cannot be done; a function can do without being told.
async fn shutdown_hook<F: Future<Output = ()> + Send + 'static>(hook: impl FnOnce() -> F + Send + 'static) {
    let registered = tokio::spawn(lambda_runtime::spawn_graceful_shutdown_handler(hook)).await;
    if registered.is_err() {
        tracing::warn!("Lambda will not tell this process before it ends it");
    }
}

/// Lambda's limit is 6 MB for the answer as JSON, in which other bytes than text grow by a third.
const LARGEST_ANSWER: u64 = 4_500_000;
