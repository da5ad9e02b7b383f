//! `GET /openapi.json`: the `OpenAPI` document of the host. A client with a key also sees the models that it may use.
//!
//! Without a key, the document names no model. It is cached, so that unauthenticated clients cannot keep a function busy.

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
            let models = loaded_models(&state).filter(|model| caller.may_use(model.name())).collect();
            render_document(&state, ServedModels::Named(models)).await?
        }
        None => public_document(&state).await?,
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // The models change, and depend on the key.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// The public document, from the cache if possible.
async fn public_document(state: &AppState) -> Result<Bytes, Error> {
    let fits = loaded_models(state).fold(RouteSupport::default(), |fits, model| fits.or(RouteSupport::of(&model)));
    let key = (fits, state.sealing().map(Sealing::policy));
    if let Some(kept) = state.public_document(key) {
        return Ok(kept);
    }
    let document = render_document(state, ServedModels::Unnamed(fits)).await?;
    state.cache_public_document(key, document.clone());
    Ok(document)
}

async fn render_document(state: &AppState, models: ServedModels) -> Result<Bytes, Error> {
    let view = DocumentView { limits: state.limits(), sealing: state.sealing().map(Sealing::policy), models };
    let write = move || {
        let routes = routes().into_iter().map(|route| (route.method, route.path, route.describe));
        let json = serde_json::to_vec(&document(view, routes));
        json.map(Bytes::from).map_err(|error| Error::internal(error.to_string()))
    };
    // This takes some milliseconds for a host with many models.
    spawn_if_larger_than(0, usize::MAX, write).await
}

fn loaded_models(state: &AppState) -> impl Iterator<Item = Arc<Model>> {
    state.slots().into_iter().filter_map(|slot| match slot.state() {
        LoadState::Ready(model) => Some(model),
        LoadState::Loading | LoadState::Failed(_) => None,
    })
}
