//! What stands around a call, without the call: for those who measure what it costs.

use amaas_wire::predict::Usage;
use axum::body::Body;
use bytes::Bytes;
use http::{Extensions, HeaderMap, Response};

use super::{Call, Caller, Running};
use crate::error::Error;
use crate::reply::Written;
use crate::state::Host;
use amaas_access::RouteScope;

/// Does for a caller with `headers` what is done for each prediction of `model`, but the prediction: who calls is found out, limits are
/// taken, the call is recorded, and where the host seals, a receipt is signed.
///
/// # Errors
/// Why such a call is refused.
#[doc(hidden)]
pub async fn rehearse(host: &Host, model: &str, headers: &HeaderMap) -> Result<(), Error> {
    let slot = host.slot(model)?;
    let caller = Caller::of(headers, &Extensions::new(), host, RouteScope::Predict).await?;
    let mut call = Call::enter(host, caller, &slot, headers, &Extensions::new()).await?;
    call.came(&CONTENT).await?;
    let model = slot.model().await?;
    let begun = std::time::Instant::now();
    call.charge((&model, begun), &Running::new(1, None)).await?;
    let mut response = Response::new(Body::from(CONTENT));
    response.extensions_mut().insert(Written { usage: Usage::new(1, 1), bytes: CONTENT.len() as u64 });
    call.answered(&model, response).await.map(drop)
}

/// As long as a short question and its answer.
const CONTENT: Bytes = Bytes::from_static(&[b'x'; 256]);
