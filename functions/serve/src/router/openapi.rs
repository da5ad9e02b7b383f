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
use crate::openapi::{Fits, Models, View, document};
use crate::request::Caller;
use crate::sealing::Sealing;
use crate::state::Host;
use amaas_engine::cpu::off_runtime_beyond;
use amaas_model::load::{LoadState, Model};

pub(super) async fn openapi(State(host): State<Host>, caller: Option<Caller>) -> Result<Response<Body>, Error> {
    let body = match caller {
        Some(caller) => {
            let models = loaded(&host).filter(|model| caller.may_use(model.name())).collect();
            written(&host, Models::Named(models)).await?
        }
        None => outline(&host).await?,
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Models come and go, and who has another key may see others.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// What anyone may read.
async fn outline(host: &Host) -> Result<Bytes, Error> {
    let fits = loaded(host).fold(Fits::default(), |fits, model| fits.or(Fits::of(&model)));
    let of = (fits, host.sealing().map(Sealing::policy));
    if let Some(kept) = host.outline(of) {
        return Ok(kept);
    }
    let document = written(host, Models::Unnamed(fits)).await?;
    host.keep_outline(of, document.clone());
    Ok(document)
}

async fn written(host: &Host, models: Models) -> Result<Bytes, Error> {
    let view = View { limits: host.limits(), sealing: host.sealing().map(Sealing::policy), models };
    let write = move || {
        let routes = routes().into_iter().map(|route| (route.method, route.path, route.describe));
        let json = serde_json::to_vec(&document(view, routes));
        json.map(Bytes::from).map_err(|error| Error::internal(error.to_string()))
    };
    // Some milliseconds for a host with many models.
    off_runtime_beyond(0, usize::MAX, write).await
}

fn loaded(host: &Host) -> impl Iterator<Item = Arc<Model>> {
    host.slots().into_iter().filter_map(|slot| match slot.state() {
        LoadState::Ready(model) => Some(model),
        LoadState::Loading | LoadState::Failed(_) => None,
    })
}
