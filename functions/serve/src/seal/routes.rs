//! The public routes of sealing keys.

use amaas_ohttp::key_list::MEDIA_TYPE;
use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderValue, Response, header};

use crate::error::Error;
use crate::error::SealedCallError;
use crate::state::AppState;
use amaas_model::load::LoadState;

/// `GET /v1/keys` and `GET /.well-known/ohttp-gateway` (RFC 9540 §4): the list of keys.
pub(crate) async fn list(State(state): State<AppState>) -> Result<Response<Body>, Error> {
    let sealing = state.sealing().ok_or(Error::Sealed(SealedCallError::Unsupported))?;
    Ok(document(Body::from(sealing.list().await?), MEDIA_TYPE))
}

/// `GET /v1/keys/manifest`: the signed manifest of the list, for calls that name no model.
pub(crate) async fn manifest(State(state): State<AppState>) -> Result<Response<Body>, Error> {
    let sealing = state.sealing().ok_or(Error::Sealed(SealedCallError::Unsupported))?;
    Ok(document(Body::from(sealing.manifest(ANY_MODEL, ANY_MODEL).await?), "application/json"))
}

/// `GET /v1/models/{model}/keys`: the list of keys.
pub(crate) async fn model_list(
    State(state): State<AppState>,
    Path(model): Path<String>,
) -> Result<Response<Body>, Error> {
    state.slot(&model)?;
    list(State(state)).await
}

/// `GET /v1/models/{model}/keys/manifest`: the signed manifest of the list.
pub(crate) async fn model_manifest(
    State(state): State<AppState>,
    Path(model): Path<String>,
) -> Result<Response<Body>, Error> {
    let slot = state.slot(&model)?;
    let sealing = state.sealing().ok_or(Error::Sealed(SealedCallError::Unsupported))?;
    let version = match slot.state() {
        LoadState::Ready(model) => model.version().to_string(),
        _ => state.model(&slot, None).await?.version().to_string(),
    };
    Ok(document(Body::from(sealing.manifest(&model, &version).await?), "application/json"))
}

fn document(body: Body, media_type: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // Keys are rotated: calls that are sealed to stale keys from a cache would fail.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The model and version in a manifest for calls that name none. Names cannot contain this character.
const ANY_MODEL: &str = "*";
