//! `GET /v2/models[/{model}[/versions/{version}]]/stats`: Triton's statistics extension.
//!
//! The statistics are of this process and of all tenants together, so a caller sees only the models that it may use.

use amaas_wire::oip::triton::{ModelStatistics, StatisticsResponse};
use axum::body::Body;
use axum::extract::{Path, State};
use http::Response;

use super::health::ModelPath;
use super::models;
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::json;
use crate::request::{AuthorisedModel, Caller};
use crate::state::AppState;
use amaas_model::load::{LoadState, Model};

/// The statistics of one model.
pub(super) async fn one(
    authorised: AuthorisedModel,
    Path(path): Path<ModelPath>,
    _: NoQuery,
) -> Result<Response<Body>, Error> {
    let model = authorised.model(path.version.as_deref()).await?;
    json(&StatisticsResponse { model_stats: vec![model_statistics(&model)?] })
}

/// The statistics of all loaded models that the key may use. A model called `stats` takes precedence.
pub(super) async fn all(
    State(state): State<AppState>,
    caller: Caller,
    query: NoQuery,
) -> Result<Response<Body>, Error> {
    if state.slot(STATS_SEGMENT).is_ok() {
        let path = ModelPath { model: STATS_SEGMENT.to_owned(), version: None };
        return models::metadata(AuthorisedModel::of(&state, caller, STATS_SEGMENT)?, Path(path), query).await;
    }
    json(&StatisticsResponse { model_stats: all_statistics(&state, &caller) })
}

/// The statistics of all loaded models that the key may use.
pub(crate) fn all_statistics(state: &AppState, caller: &Caller) -> Vec<ModelStatistics> {
    let slots = state.slots();
    let loaded = slots.iter().filter(|slot| caller.may_use(slot.name())).filter_map(|slot| match slot.state() {
        LoadState::Ready(model) => model_statistics(&model).ok(),
        LoadState::Loading | LoadState::Failed(_) => None,
    });
    loaded.collect()
}

/// The statistics of `model`. A model that generates text takes no tensors, and has none.
pub(crate) fn model_statistics(model: &Model) -> Result<ModelStatistics, Error> {
    Ok(model.statistics()?)
}

/// The last segment of the route of [`all`], which can also be the name of a model.
const STATS_SEGMENT: &str = "stats";
