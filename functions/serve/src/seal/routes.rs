//! The public routes of the keys.

use amaas_wire::keys::MEDIA_TYPE;
use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderValue, Response, header};

use crate::error::Error;
use crate::load::State as SlotState;
use crate::router::Host;

/// `GET /v1/models/{model}/keys`: the list.
pub(crate) async fn list(State(host): State<Host>, Path(model): Path<String>) -> Result<Response<Body>, Error> {
    host.slot(&model)?;
    let sealing = host.sealing().ok_or(Error::NoSealing)?;
    Ok(document(Body::from(sealing.list()), MEDIA_TYPE))
}

/// `GET /v1/models/{model}/keys/manifest`: what the signer says of the list.
pub(crate) async fn manifest(State(host): State<Host>, Path(model): Path<String>) -> Result<Response<Body>, Error> {
    let slot = host.slot(&model)?;
    let sealing = host.sealing().ok_or(Error::NoSealing)?;
    let version = match slot.state() {
        SlotState::Ready(model) => model.version().to_string(),
        _ => host.model(&slot, None).await?.version().to_string(),
    };
    Ok(document(Body::from(sealing.manifest(&model, &version)), "application/json"))
}

fn document(body: Body, media_type: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // Keys change; a cache that keeps them makes calls fail that were sealed to the old ones.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
