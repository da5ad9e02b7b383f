//! `POST /v1/models/{model}/predict`.

use std::sync::Arc;

use amaas_model::ModelError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use serde::Deserialize;

use crate::error::Error;
use crate::reply::predict_response;
use crate::request::{AnsweredCall, AuthorisedModel};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictQuery {
    version: Option<String>,
}

pub(super) async fn predict(
    authorised: AuthorisedModel,
    parameters: Result<Query<PredictQuery>, QueryRejection>,
    request: Request,
) -> Result<AnsweredCall, Error> {
    let Query(parameters) = parameters.map_err(|_| Error::invalid("the query: expected version, once"))?;
    let (parts, body) = request.into_parts();
    let (received, content) = authorised.admit(&parts).await?.receive(&parts, body).await?;
    let call = received.start(parameters.version.as_deref()).await?;
    let no_task = || ModelError::NoTask { model: call.model().name().to_string() };
    let task = call.model().task.clone().ok_or_else(no_task)?;
    call.answer(|call| Arc::clone(&task).predict(call, content), predict_response).await
}
