//! `POST /v1/embeddings`, in `OpenAI`'s shape, for models whose task is an [`Embedder`](amaas_model::task::Embedder).
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

use super::predict::run;
use super::query::NoQuery;
use crate::admission::Admission;
use crate::error::Error;
use crate::idempotency::NamedModel;
use crate::reply::{Counted, embeddings_response};
use crate::request::{Call, Caller};
use crate::state::Host;
use amaas_engine::cpu::{QUICK, Working, json_size};
use amaas_model::InputError;
use amaas_model::ModelError;
use amaas_model::task::{QUICK_TEXT, Texts};

/// The route.
pub(super) async fn embeddings(
    State(host): State<Host>,
    caller: Caller,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    let caller = caller.admitted(&host)?;
    let (parts, body) = request.into_parts();
    let mut admission = Admission::of(host.gate(), caller.tenant(), None);
    let body = admission.read(&parts.headers, body, host.limits().body_bytes).await?;
    let (size, limit, content) = (body.len(), host.limits().rows, body.clone());
    let read = move |_: &_| Ok(EmbeddingsRequest::from_json(&body, limit)?);
    let request = admission.work(QUICK, size, read).await?;
    let slot = host.slot(&request.model)?;
    let mut call = Call::enter(&host, caller, &slot, &parts.headers, &parts.extensions).await?;
    call.came(&content).await?;
    drop((content, admission));
    let model = host.model(&slot, None).await?;
    let begun = Instant::now();
    let embedder = model.task.clone().and_then(amaas_model::task::AnyTask::embedder);
    let embedder = embedder.ok_or_else(|| Error::Model(ModelError::NoEmbeddings { model: slot.name().to_string() }))?;
    if let (Some(got), Some(expected)) = (request.dimensions, embedder.dimensions(&model.manifest.outputs))
        && got != expected as u64
    {
        let message = format!("dimensions: expected {expected}, which vectors of this model have, got {got}");
        return Err(Error::parameter("dimensions", message));
    }
    let EmbeddingsRequest { input, encoding_format: format, truncation, .. } = request;
    let batching = model.manifest.batching;
    let plan =
        move |working: &Working| embedder.plan(working, Texts { list: &input, member: "input", truncation }, batching);
    let plan = call.prepare((&model, begun), (QUICK_TEXT, size, 0), plan).await?;
    let tokens = Some(plan.vectors.tokens());
    let (outputs, rows) = run(&mut call, (&model, begun), plan.runs, tokens).await?;
    let (size, vectors) = (outputs.iter().map(|run| json_size(run)).sum(), plan.vectors);
    let (answered, counted) = (Arc::clone(&model), Counted { rows, tokens, begun });
    let answer = move || embeddings_response(&answered, vectors.read(&outputs)?, format, counted);
    let answer = call.write(size, answer).await?;
    call.answered(&model, answer).await
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
    let mut admission = Admission::of(host.gate(), caller.tenant(), None);
    let body = admission.read(&parts.headers, body, host.limits().body_bytes).await?;
    let named = body.clone();
    let name = admission.work(QUICK, body.len(), move |_| Ok(EmbeddingsRequest::model_of(&named)?)).await?;
    let slot = host.slot(&name)?;
    caller.scope(slot.name())?;
    parts.extensions.insert(NamedModel(slot.name().clone()));
    parts.extensions.insert(caller);
    // It is expanded, and must not be once more.
    parts.headers.remove(http::header::CONTENT_ENCODING);
    parts.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    Ok(Request::from_parts(parts, Body::from(body)))
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error.param {
            Some(param) => InputError::Parameter { param, message: error.message }.into(),
            None => InputError::Body(error.message).into(),
        }
    }
}
