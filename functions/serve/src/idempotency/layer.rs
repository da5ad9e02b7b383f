//! Idempotency of calls with a key: a call runs once; its first response is stored, sealed, and replayed for repeats.
//!
//! A layer on the routes, inside the layer that opens sealed calls. Only a success is stored; after an error, a repeat runs again. While
//! the ledger is unreachable, calls run as if they had no key: two predictions are better than none.
//!
//! Written by hand: no crate stores leases and sealed responses in a ledger that several processes share.

use std::collections::HashMap;
use std::time::Duration;

use amaas_wire::oip::HEADER_LENGTH;
use amaas_wire::predict::IDEMPOTENCY_KEY;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::admission;
use crate::body::read_bounded;
use crate::error::Error;
use crate::error::IdempotencyError;
use crate::error::SealedCallError;
use crate::request::{AuthorisedModel, CallId, Caller};
use crate::response_store::{IdempotentCall, digest};
use crate::sealing::SealedCall;
use crate::state::AppState;
use amaas_access::quota::Reservation;
use amaas_ledger::BeginOutcome;
use amaas_store::ModelName;

/// Whether a call with this method and these headers runs once.
pub(crate) fn runs_once(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST && headers.contains_key(IDEMPOTENCY_KEY)
}

/// The layer of routes whose path names the model, or that have none. If the body names the model, the route calls [`run_once`].
pub(crate) async fn idempotency_layer(State(state): State<AppState>, request: Request, next: Next) -> Response<Body> {
    if !runs_once(request.method(), request.headers()) {
        return next.run(request).await;
    }
    run_once_by_path(&state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Runs a call once. The path names the model, or the route has none.
async fn run_once_by_path(state: &AppState, request: Request, next: Next) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    idempotency_key(&parts.headers)?;
    let caller = Caller::from_request_parts(&mut parts, state).await?;
    let named = Path::<HashMap<String, String>>::from_request_parts(&mut parts, state).await;
    // A key without access to the model must not get a stored response of another key of the same tenant.
    let (caller, model) = match named.as_ref().ok().and_then(|Path(names)| names.get("model")) {
        Some(model) => {
            let authorised = AuthorisedModel::of(state, caller, model)?;
            (authorised.caller().clone(), Some(authorised.slot().name().clone()))
        }
        None => (caller.admit(state)?, None),
    };
    let mut reservation = reserve_request(state, &caller, model.as_ref()).await?;
    let body = match read_bounded(&parts.headers, body, state.limits().body_bytes).await {
        Ok(body) => body,
        Err(error) => {
            reservation.keep();
            return Err(error);
        }
    };
    parts.extensions.insert(caller.clone());
    let run = |parts, body| next.run(Request::from_parts(parts, Body::from(body)));
    run_once(state, &caller, reservation, (parts, body), run).await
}

/// Takes a request from the caller's limits, since a repeat counts as a request. If the call turns out to be the first, the reservation is
/// dropped and the call takes its own.
///
/// # Errors
/// If a limit is reached.
pub(crate) async fn reserve_request(
    state: &AppState,
    caller: &Caller,
    model: Option<&ModelName>,
) -> Result<Reservation, Error> {
    let mut reservation = Reservation::default();
    if let Some(model) = model {
        reservation.take(&caller.account().plan(state.quotas(), model).requests, 1).await?;
    }
    Ok(reservation)
}

/// Calls `run` if the call is the first with its key. A repeat gets the stored response, or waits for it.
///
/// # Errors
/// If the key was used for another call, or the first call does not end in time.
pub(crate) async fn run_once<F>(
    state: &AppState,
    caller: &Caller,
    mut reservation: Reservation,
    (mut parts, body): (Parts, Bytes),
    run: impl FnOnce(Parts, Bytes) -> F,
) -> Result<Response<Body>, Error>
where
    F: Future<Output = Response<Body>>,
{
    let key = idempotency_key(&parts.headers)?;
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let responses = state.responses();
    // The secret is loaded already: the caller's key was looked up with it.
    let secret = state.directory().accounts().secret().open().await;
    let secret = secret
        .map_err(|error| Error::Idempotency(IdempotencyError::LedgerUnavailable { internal: error.to_string() }))?;
    let tenant = caller.tenant().as_str();
    let id = digest(secret.calls(), &[b"id", tenant.as_bytes(), &key]);
    let mut fingerprinted = vec![b"call".as_slice(), path.as_bytes(), &body];
    fingerprinted
        .extend(FINGERPRINTED_HEADERS.iter().flat_map(|name| parts.headers.get_all(*name)).map(HeaderValue::as_bytes));
    let fingerprint = digest(secret.calls(), &fingerprinted);
    let sealed = parts.extensions.remove::<SealedCall>();
    let call = IdempotentCall { id, fingerprint, secret: &secret.answers_of(tenant), key, sealed: sealed.as_ref() };
    parts.extensions.insert(CallId(digest(secret.calls(), &[b"record", &id, &fingerprint])));
    let (arrived, mut repeat_permit) = (Instant::now(), None);
    let lease = loop {
        let begun = responses.begin(&call).await?;
        if matches!(begun, Some(BeginOutcome::Answered(_) | BeginOutcome::OtherCall | BeginOutcome::Running)) {
            reservation.keep();
        }
        match begun {
            Some(BeginOutcome::First(lease)) => break Some(lease),
            Some(BeginOutcome::Answered(sealed)) => return call.replay(&sealed),
            Some(BeginOutcome::OtherCall) => return Err(Error::Idempotency(IdempotencyError::Reused)),
            Some(BeginOutcome::Replayed) => return Err(Error::Sealed(SealedCallError::Replayed)),
            Some(BeginOutcome::Running) => {
                if repeat_permit.is_none() {
                    repeat_permit = admission::admit_waiting_repeat(state.gate(), caller.tenant(), body.len());
                }
                if arrived.elapsed() >= REPEAT_WAIT || repeat_permit.is_none() {
                    return Err(Error::Idempotency(IdempotencyError::Running));
                }
                sleep(poll_delay(arrived.elapsed())).await;
            }
            None => {
                if let Some(sealed) = call.sealed {
                    sealed.reject_replay().await?;
                }
                break None;
            }
        }
    };
    drop((reservation, repeat_permit));
    let response = run(parts, body).await;
    match lease {
        Some(lease) => {
            let (kept, ()) = tokio::join!(call.store(lease, response), state.flush_before_suspension());
            kept
        }
        None => Ok(response),
    }
}

/// The idempotency key in the headers, of visible ASCII characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = keys.next().map(HeaderValue::as_bytes).unwrap_or_default();
    let valid = (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) && keys.next().is_none();
    if valid { Ok(Zeroizing::new(key.to_vec())) } else { Err(Error::Idempotency(IdempotencyError::Malformed)) }
}

/// How long a repeat waits before it polls again: half of `waited`. So the repeat takes at most half as long again as the first call.
/// Jitter keeps simultaneous repeats from polling together.
fn poll_delay(waited: Duration) -> Duration {
    let mut random = [0; 1];
    // Without randomness, all repeats have the same jitter.
    let _ = getrandom::fill(&mut random);
    let pause = (waited / 2).clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL);
    pause * (192 + u32::from(random[0]) / 2) / 256
}

/// How long a repeat waits for the first call. It is longer than most runs and than the lease of a dead process, and shorter than API
/// Gateway's 29 s.
const REPEAT_WAIT: Duration = Duration::from_secs(25);
/// The interval between two polls is at least and at most this long.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(10);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Headers that change the meaning of a body: the same bytes with other values are another call.
const FINGERPRINTED_HEADERS: [&str; 2] = ["content-encoding", HEADER_LENGTH];
#[cfg(test)]
mod tests;
