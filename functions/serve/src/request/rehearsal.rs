//! The cost of a call without its model: for benchmarks.

use amaas_access::RouteScope;
use amaas_model::task::{Cost, PredictError};
use amaas_wire::predict::Usage;
use axum::body::Body;
use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response};

use super::{AuthorisedModel, Caller};
use crate::error::Error;
use crate::reply::ResponseUsage;
use crate::state::AppState;

/// Does for a caller with `headers` what is done for each prediction of `model`, but the prediction: who calls is found out, limits are
/// taken, the call is recorded, and if the host seals, a receipt is signed.
///
/// # Errors
/// Why such a call is refused.
#[doc(hidden)]
pub async fn rehearse(state: &AppState, model: &str, headers: &HeaderMap) -> Result<(), Error> {
    let caller = Caller::of(headers, &Extensions::new(), state, RouteScope::Predict).await?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers.clone_from(headers);
    let entered = AuthorisedModel::of(state, caller, model)?.enter(&parts).await?;
    let call = entered.received(&CONTENT).await?.call(None).await?;
    let charge = async |call: amaas_model::task::ModelCall| call.charge(Cost::rows(1)).await.map(drop);
    let write = |_: &_, (), _| {
        let mut response = Response::new(Body::from(CONTENT));
        response.extensions_mut().insert(ResponseUsage { usage: Usage::new(1, 1), bytes: CONTENT.len() as u64 });
        Ok(response)
    };
    call.answer::<(), _, PredictError>(charge, write).await.map(drop)
}

/// As long as a short question and its answer.
const CONTENT: Bytes = Bytes::from_static(&[b'x'; 256]);
