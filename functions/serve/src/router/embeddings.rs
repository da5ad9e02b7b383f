//! `POST /v1/embeddings`, in the format of `OpenAI`, for models whose task has the interface
//! [`EmbeddingsInterface`](amaas_model::task::EmbeddingsInterface).

use std::sync::Arc;

use amaas_model::InputError;
use amaas_model::task::EmbeddingInputs;
use amaas_wire::openai::{EmbeddingsRequest, RequestError};
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;

use super::body_model::{NamedCall, NamesModel};
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::embeddings_response;
use crate::request::{AnsweredCall, Caller};
use crate::state::AppState;

/// The route.
pub(super) async fn embeddings(
    State(state): State<AppState>,
    caller: Caller,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    NamedCall::read(&state, caller, request).await?.answer_once(answer).await
}

async fn answer(call: NamedCall<EmbeddingsRequest>) -> Result<AnsweredCall, Error> {
    let (call, request) = call.begin().await?;
    let EmbeddingsRequest { input, encoding_format: format, truncation, dimensions, prompt_name, .. } = request;
    let embeddings = Arc::clone(call.model().embeddings()?);
    let inputs = EmbeddingInputs { input, dimensions, prompt_name, truncation };
    let write = move |model: &_, vectors, metering| embeddings_response(model, vectors, format, metering);
    call.answer(|call| embeddings.embed(call, inputs), write).await
}

impl NamesModel for EmbeddingsRequest {
    fn read(body: &[u8], max_rows: usize) -> Result<Self, Error> {
        Ok(Self::from_json(body, max_rows)?)
    }

    fn model(&self) -> &str {
        &self.model
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error.param {
            Some(param) => InputError::Parameter { param, message: error.message }.into(),
            None => InputError::Body(error.message).into(),
        }
    }
}
