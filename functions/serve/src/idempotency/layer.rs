//! Idempotency of calls with a key: a call runs once; its first response is stored, sealed, and replayed for repeats.
//!
//! A layer on the routes, inside the one that opens sealed calls. Only a success is stored; after anything else a repeat runs. While
//! the ledger is unreachable, calls run as if they had no key: a prediction that is made twice is better than none.
//!
//! Written by hand: no crate keeps leases and sealed responses in a ledger that several processes share.

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
use crate::body::bounded;
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

/// Whether such a call runs once.
pub(crate) fn runs_once(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST && headers.contains_key(IDEMPOTENCY_KEY)
}

/// The layer.
pub(crate) async fn once(State(state): State<AppState>, request: Request, next: Next) -> Response<Body> {
    if !runs_once(request.method(), request.headers()) {
        return next.run(request).await;
    }
    of_path(&state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Runs a call once whose path names the model, or which has none.
async fn of_path(state: &AppState, request: Request, next: Next) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    idempotency_key(&parts.headers)?;
    let caller = Caller::from_request_parts(&mut parts, state).await?;
    let named = Path::<HashMap<String, String>>::from_request_parts(&mut parts, state).await;
    // A key of the same tenant that may not use the model gets no answer of another's.
    let (caller, model) = match named.as_ref().ok().and_then(|Path(names)| names.get("model")) {
        Some(model) => {
            let authorised = AuthorisedModel::of(state, caller, model)?;
            (authorised.caller().clone(), Some(authorised.slot().name().clone()))
        }
        None => (caller.admitted(state)?, None),
    };
    let mut request = take_request(state, &caller, model.as_ref()).await?;
    let body = match bounded(&parts.headers, body, state.limits().body_bytes).await {
        Ok(body) => body,
        Err(error) => {
            request.keep();
            return Err(error);
        }
    };
    parts.extensions.insert(caller.clone());
    let run = |parts, body| next.run(Request::from_parts(parts, Body::from(body)));
    run_once(state, &caller, request, (parts, body), run).await
}

/// Takes a request of the caller's limits: a repeat is a request as every other. If it is none, the call gives this one back and takes its
/// own.
///
/// # Errors
/// A limit that is reached.
pub(crate) async fn take_request(
    state: &AppState,
    caller: &Caller,
    model: Option<&ModelName>,
) -> Result<Reservation, Error> {
    let mut request = Reservation::default();
    if let Some(model) = model {
        request.take(&caller.account().plan(state.quotas(), model).requests, 1).await?;
    }
    Ok(request)
}

/// Has `run` answer a call that has not run before; a repeat gets the stored response, or waits for it.
///
/// # Errors
/// A key that was used for another call, or whose first call does not end in time.
pub(crate) async fn run_once<F>(
    state: &AppState,
    caller: &Caller,
    mut request: Reservation,
    (mut parts, body): (Parts, Bytes),
    run: impl FnOnce(Parts, Bytes) -> F,
) -> Result<Response<Body>, Error>
where
    F: Future<Output = Response<Body>>,
{
    let key = idempotency_key(&parts.headers)?;
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let answers = state.responses();
    // Whoever has a key has been looked for with the secret.
    let secret = state.directory().accounts().secret().open().await;
    let secret = secret
        .map_err(|error| Error::Idempotency(IdempotencyError::LedgerUnavailable { internal: error.to_string() }))?;
    let tenant = caller.tenant().as_str();
    let id = digest(secret.calls(), &[b"id", tenant.as_bytes(), &key]);
    let mut parts_of_call = vec![b"call".as_slice(), path.as_bytes(), &body];
    parts_of_call.extend(READ_BY.iter().flat_map(|name| parts.headers.get_all(*name)).map(HeaderValue::as_bytes));
    let fingerprint = digest(secret.calls(), &parts_of_call);
    let sealed = parts.extensions.remove::<SealedCall>();
    let call = IdempotentCall { id, fingerprint, secret: &secret.answers_of(tenant), key, sealed: sealed.as_ref() };
    parts.extensions.insert(CallId(digest(secret.calls(), &[b"record", &id, &fingerprint])));
    let (came, mut waits) = (Instant::now(), None);
    let place = loop {
        let begun = answers.begin(&call).await?;
        if matches!(begun, Some(BeginOutcome::Answered(_) | BeginOutcome::OtherCall | BeginOutcome::Running)) {
            request.keep();
        }
        match begun {
            Some(BeginOutcome::First(place)) => break Some(place),
            Some(BeginOutcome::Answered(sealed)) => return call.again(&sealed),
            Some(BeginOutcome::OtherCall) => return Err(Error::Idempotency(IdempotencyError::Reused)),
            Some(BeginOutcome::Replayed) => return Err(Error::Sealed(SealedCallError::Replayed)),
            Some(BeginOutcome::Running) => {
                if waits.is_none() {
                    waits = admission::waits(state.gate(), caller.tenant(), body.len());
                }
                if came.elapsed() >= PATIENCE || waits.is_none() {
                    return Err(Error::Idempotency(IdempotencyError::Running));
                }
                sleep(next_look(came.elapsed())).await;
            }
            None => {
                if let Some(sealed) = call.sealed {
                    sealed.first().await?;
                }
                break None;
            }
        }
    };
    drop((request, waits));
    let response = run(parts, body).await;
    match place {
        Some(place) => {
            let (kept, ()) = tokio::join!(call.keep(place, response), state.flush_before_suspension());
            kept
        }
        None => Ok(response),
    }
}

/// The key in the headers: what can stand in a header and be seen.
fn idempotency_key(headers: &HeaderMap) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = keys.next().map(HeaderValue::as_bytes).unwrap_or_default();
    let valid = (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) && keys.next().is_none();
    if valid { Ok(Zeroizing::new(key.to_vec())) } else { Err(Error::Idempotency(IdempotencyError::Malformed)) }
}

/// How long a repeat that has waited for `waited` waits before it looks again: the longer the first takes, the longer, so that an answer
/// is at most half as old again as it took; with jitter, so that those who came together do not look together.
fn next_look(waited: Duration) -> Duration {
    let mut random = [0; 1];
    // Without randomness they look together.
    let _ = getrandom::fill(&mut random);
    let pause = (waited / 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    pause * (192 + u32::from(random[0]) / 2) / 256
}

/// How long a repeat waits for the first: longer than most runs and than the lease of a process that is gone, and shorter than API
/// Gateway's 29 s.
const PATIENCE: Duration = Duration::from_secs(25);
/// After how long it looks whether that one has ended, at least and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Headers without which nobody can tell what a body says: the same bytes with others are another call.
const READ_BY: [&str; 2] = ["content-encoding", HEADER_LENGTH];
#[cfg(test)]
mod tests;
