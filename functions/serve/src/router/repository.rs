//! Triton's model repository extension: `POST /v2/repository/index` lists models; loading and unloading are refused.

use amaas_wire::oip::triton::{IndexEntry, IndexRequest};
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;

use super::query::NoQuery;
use crate::admission::Admission;
use crate::body::AcceptedMedia;
use crate::error::Error;
use crate::error::RouteError;
use crate::reply::json;
use crate::request::Caller;
use crate::state::AppState;
use amaas_model::load::{LoadState, ModelSlot};

/// The models that the key may use.
pub(super) async fn index(
    State(state): State<AppState>,
    caller: Caller,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    caller.take_read_request(&state).await?;
    let (parts, body) = request.into_parts();
    let limit = state.limits().body_bytes.min(MAX_INDEX_REQUEST_BYTES);
    AcceptedMedia::Json.check(&parts.headers)?;
    let body = Admission::new(state.gate(), caller.tenant(), None).read(&parts.headers, body, limit).await?;
    let wanted = match &*body {
        [] => IndexRequest::default(),
        body => amaas_wire::from_json(body)?,
    };
    json(&entries(&state, &caller, wanted))
}

/// The requested models among those that the key may use.
pub(crate) fn entries(state: &AppState, caller: &Caller, wanted: IndexRequest) -> Vec<IndexEntry> {
    let slots = state.slots();
    let entries = slots.iter().filter(|slot| caller.may_use(slot.name())).map(|slot| entry(slot));
    entries.filter(|entry| !wanted.ready || entry.state == READY).collect()
}

/// Refuses loading and unloading (RFC 9110 §15.5.4): keys allow calls to models, and only the operator selects the models.
pub(super) async fn refuse(_: Caller) -> Error {
    Error::Route(RouteError::Repository)
}

fn entry(slot: &ModelSlot) -> IndexEntry {
    let (version, state, reason) = match slot.state() {
        LoadState::Ready(model) => (Some(model.version().to_string()), READY, slot.failed_update().unwrap_or_default()),
        LoadState::Loading => (None, "LOADING", String::new()),
        LoadState::Failed(reason) => (None, "UNAVAILABLE", reason),
    };
    IndexEntry { name: slot.name().to_string(), version, state: state.to_owned(), reason }
}

const READY: &str = "READY";
/// The largest body of an index request.
const MAX_INDEX_REQUEST_BYTES: usize = 4096;
