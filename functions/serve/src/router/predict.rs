//! `POST /v1/models/{model}/predict`.

use std::sync::Arc;

use amaas_model::ModelError;
use amaas_model::task::PredictBody;
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
    /// The parameters of the task as JSON, if the body is a file.
    parameters: Option<String>,
}

pub(super) async fn predict(
    authorised: AuthorisedModel,
    parameters: Result<Query<PredictQuery>, QueryRejection>,
    request: Request,
) -> Result<AnsweredCall, Error> {
    let Query(parameters) =
        parameters.map_err(|_| Error::invalid("the query: expected version and parameters, each once"))?;
    let (parts, body) = request.into_parts();
    let (received, content) = authorised.admit(&parts).await?.receive_inputs(&parts, body).await?;
    let content = with_query(content, parameters.parameters)?;
    let call = received.start(parameters.version.as_deref()).await?;
    let no_task = || ModelError::NoTask { model: call.model().name().to_string() };
    let task = call.model().task.clone().ok_or_else(no_task)?;
    call.answer(|call| Arc::clone(&task).predict(call, content), predict_response).await
}

/// Adds the parameters of the query to a body that is a file.
fn with_query(content: PredictBody, query: Option<String>) -> Result<PredictBody, Error> {
    match (content, query) {
        (content, None) => Ok(content),
        (PredictBody::Files { files, parameters: None, partial }, Some(query)) => {
            Ok(PredictBody::Files { files, parameters: Some(query.into()), partial })
        }
        (_, Some(_)) => {
            Err(Error::parameter("parameters", "parameters are in the body, so the query must have none".to_owned()))
        }
    }
}
