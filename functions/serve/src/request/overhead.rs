//! The overhead of a call without the run of its model, for benchmarks.

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

/// Does everything for a prediction of `model` except the prediction. It authenticates the caller by `headers`, charges limits, records the
/// call, and signs a receipt if the host seals.
///
/// # Errors
/// If the call is refused.
#[doc(hidden)]
pub async fn measure_call_overhead(state: &AppState, model: &str, headers: &HeaderMap) -> Result<(), Error> {
    let caller = Caller::authenticate(headers, &Extensions::new(), state, RouteScope::Predict).await?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.headers.clone_from(headers);
    let entered = AuthorisedModel::of(state, caller, model)?.admit(&parts).await?;
    let call = entered.with_content(&CONTENT).await?.start(None).await?;
    let charge = async |call: amaas_model::task::ModelCall| call.charge(Cost::rows(1)).await.map(drop);
    let write = |_: &_, (), _| {
        let mut response = Response::new(Body::from(CONTENT));
        response.extensions_mut().insert(ResponseUsage { usage: Usage::new(1, 1), bytes: CONTENT.len() as u64 });
        Ok(response)
    };
    call.answer::<(), _, PredictError>(charge, write).await.map(drop)
}

/// The content of the request and of the response, as long as a short text.
const CONTENT: Bytes = Bytes::from_static(&[b'x'; 256]);
