//! `GET /openapi.json`: what the host says of itself, and to whoever has a key also of the models that it may use.
//!
//! Without a key no model is named. That document is kept, so that nobody keeps a function busy with it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::routes;
use crate::error::Error;
use crate::openapi::{DocumentView, RouteSupport, ServedModels, document};
use crate::request::Caller;
use crate::sealing::Sealing;
use crate::state::AppState;
use amaas_engine::cpu::spawn_if_larger_than;
use amaas_model::load::{LoadState, Model};

pub(super) async fn openapi(State(state): State<AppState>, caller: Option<Caller>) -> Result<Response<Body>, Error> {
    let body = match caller {
        Some(caller) => {
            let models = loaded(&state).filter(|model| caller.may_use(model.name())).collect();
            written(&state, ServedModels::Named(models)).await?
        }
        None => outline(&state).await?,
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Models come and go, and another key may see others.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// What anyone may read.
async fn outline(state: &AppState) -> Result<Bytes, Error> {
    let fits = loaded(state).fold(RouteSupport::default(), |fits, model| fits.or(RouteSupport::of(&model)));
    let of = (fits, state.sealing().map(Sealing::policy));
    if let Some(kept) = state.public_document(of) {
        return Ok(kept);
    }
    let document = written(state, ServedModels::Unnamed(fits)).await?;
    state.cache_public_document(of, document.clone());
    Ok(document)
}

async fn written(state: &AppState, models: ServedModels) -> Result<Bytes, Error> {
    let view = DocumentView { limits: state.limits(), sealing: state.sealing().map(Sealing::policy), models };
    let write = move || {
        let routes = routes().into_iter().map(|route| (route.method, route.path, route.describe));
        let json = serde_json::to_vec(&document(view, routes));
        json.map(Bytes::from).map_err(|error| Error::internal(error.to_string()))
    };
    // Some milliseconds for a host with many models.
    spawn_if_larger_than(0, usize::MAX, write).await
}

fn loaded(state: &AppState) -> impl Iterator<Item = Arc<Model>> {
    state.slots().into_iter().filter_map(|slot| match slot.state() {
        LoadState::Ready(model) => Some(model),
        LoadState::Loading | LoadState::Failed(_) => None,
    })
}
