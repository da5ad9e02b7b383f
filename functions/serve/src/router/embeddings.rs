//! `POST /v1/embeddings`, in `OpenAI`'s shape, for models whose task is an [`Embedder`](crate::task::Embedder).
//!
//! The body names the model, so this route checks the key's scope itself: before anything else sees the call, since a repeat is
//! given an answer that is kept without asking the route, and once more where the call runs.

use std::sync::Arc;
use std::time::Instant;

use amaas_wire::openai::{EmbeddingsRequest, RequestError};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use http::Response;

use super::Host;
use super::predict::run;
use crate::error::Error;
use crate::reply::{Counted, embeddings_response};
use crate::request::{Call, Caller, read};
use crate::task::{QUICK_TEXT, json_size, off_runtime, off_runtime_beyond};

/// The route.
pub(super) async fn embeddings(
    State(host): State<Host>,
    caller: Caller,
    request: Request,
) -> Result<Response<Body>, Error> {
    let caller = caller.admitted(&host)?;
    let (parts, body) = request.into_parts();
    let body = read(&parts.headers, body, host.limits().body_bytes).await?;
    let (size, limit, content) = (body.len(), host.limits().rows, body.clone());
    let request = off_runtime(size, move || Ok(EmbeddingsRequest::from_json(&body, limit)?)).await?;
    let slot = host.slot(&request.model)?;
    let mut call = Call::enter(&host, caller, &slot, &parts.headers, &parts.extensions).await?;
    call.came(&content).await?;
    drop(content);
    let model = host.model(&slot, None).await?;
    let begun = Instant::now();
    let embedder = model.task.clone().and_then(crate::task::AnyTask::embedder);
    let embedder = embedder.ok_or_else(|| Error::NoEmbeddings { model: slot.name().to_string() })?;
    if let (Some(got), Some(expected)) = (request.dimensions, embedder.dimensions(&model.manifest.outputs))
        && got != expected as u64
    {
        let message = format!("dimensions: expected {expected}, which vectors of this model have, got {got}");
        return Err(Error::Parameter { param: Some("dimensions"), message });
    }
    let (texts, format, batching) = (request.input, request.encoding_format, model.manifest.batching);
    let plan = off_runtime_beyond(QUICK_TEXT, size, move || embedder.plan(&texts, batching)).await?;
    let tokens = Some(plan.vectors.tokens());
    let (outputs, rows) = run(&mut call, &model, plan.runs, tokens).await?;
    let (size, vectors) = (outputs.iter().map(|run| json_size(run)).sum(), plan.vectors);
    let (answered, counted) = (Arc::clone(&model), Counted { rows, tokens, begun });
    let answer = move || embeddings_response(&answered, vectors.read(&outputs)?, format, counted);
    call.answered(&model, off_runtime(size, answer).await?).await
}

/// The layer that refuses a key which may not use the model in the body.
pub(super) async fn scoped(State(host): State<Host>, caller: Caller, request: Request, next: Next) -> Response<Body> {
    match check(&host, caller, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn check(host: &Host, caller: Caller, request: Request) -> Result<Request, Error> {
    let caller = caller.admitted(host)?;
    let (mut parts, body) = request.into_parts();
    let body = read(&parts.headers, body, host.limits().body_bytes).await?;
    let named = body.clone();
    let name = off_runtime(body.len(), move || Ok(EmbeddingsRequest::model_of(&named)?)).await?;
    caller.scope(host.slot(&name)?.name())?;
    parts.extensions.insert(caller);
    // It is expanded, and must not be once more.
    parts.headers.remove(http::header::CONTENT_ENCODING);
    parts.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    Ok(Request::from_parts(parts, Body::from(body)))
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Parameter { param: error.param, message: error.message }
    }
}
