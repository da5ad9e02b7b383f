//! A call with an idempotency key runs once: the first answer is kept, sealed, and given again to whoever repeats the call.
//!
//! A layer on the routes, inside the one that opens sealed calls. What is kept is a success; anything else lets a repeat run. While
//! the ledger cannot be reached calls run as if they had no key: a prediction that is made twice is better than none.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amaas_ohttp::bhttp::{self, MessageEncoding, ResponseHead};
use amaas_wire::oip::HEADER_LENGTH;
use amaas_wire::predict::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, REQUEST_ID};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::{CallId, Caller, admit, bounded};
use crate::error::Error;
use crate::ledger::{Begun, Calls, Ledger, LedgerError, Place};
use crate::quota::Taken;
use crate::router::Host;
use crate::seal::SealedCall;
use crate::store::ModelName;

/// Answers that were given.
pub(crate) struct Answers {
    calls: Calls,
    /// Those that were begun by calls to this process: a repeat reads before it writes.
    begun: Mutex<Recent>,
    /// Until when a ledger that did not answer is left alone.
    paused: Mutex<Option<Instant>>,
}

impl Answers {
    /// Kept in `ledger`, for every function that has it.
    pub(crate) fn in_ledger(ledger: Arc<dyn Ledger>) -> Self {
        Self { calls: Calls::new(ledger), begun: Mutex::default(), paused: Mutex::default() }
    }

    /// How the call begins; nothing where the ledger cannot be reached, and the call runs without it.
    async fn begin(&self, call: &Call<'_>) -> Result<Option<Begun>, Error> {
        if self.paused().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        match self.begin_or_look(call).await {
            Ok(begun) => Ok(Some(begun)),
            Err(error @ LedgerError::Denied { .. }) => Err(Error::LedgerUnavailable { internal: error.to_string() }),
            Err(error @ LedgerError::Format { .. }) => {
                tracing::error!(%error, "a call runs again: what was kept of it is damaged or not all there");
                Ok(None)
            }
            Err(error) => {
                tracing::error!(%error, "calls run without a ledger: what is repeated runs again");
                *self.paused() = Some(Instant::now() + PAUSE);
                Ok(None)
            }
        }
    }

    /// Reads what is known of a call that is known to have been begun, and begins any other. A ledger can ask more for a write that does
    /// not happen than for a read.
    async fn begin_or_look(&self, call: &Call<'_>) -> Result<Begun, LedgerError> {
        let known = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remember(call.id);
        if known && let Some(begun) = self.calls.look(call.id, call.fingerprint).await? {
            return Ok(begun);
        }
        self.calls.begin(call.id, call.fingerprint, call.sealed.map(SealedCall::once)).await
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether such a call runs once.
pub(crate) fn runs_once(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST && headers.contains_key(IDEMPOTENCY_KEY)
}

/// The last calls that were begun: some thousands, and in bounded memory.
#[derive(Default)]
struct Recent {
    now: HashSet<[u8; 32]>,
    before: HashSet<[u8; 32]>,
}

impl Recent {
    /// Remembers `id`, and says whether it was known.
    fn remember(&mut self, id: [u8; 32]) -> bool {
        if self.now.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.now);
        }
        let known = self.before.contains(&id);
        !self.now.insert(id) || known
    }
}

/// The model that a body names, where a layer has read it.
#[derive(Clone, Debug)]
pub(crate) struct NamedModel(pub(crate) ModelName);

/// The layer.
pub(crate) async fn once(State(host): State<Host>, request: Request, next: Next) -> Response<Body> {
    if !runs_once(request.method(), request.headers()) {
        return next.run(request).await;
    }
    run_once(&host, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn run_once(host: &Host, request: Request, next: Next) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let key = idempotency_key(&parts.headers)?;
    let caller = Caller::from_request_parts(&mut parts, host).await?;
    // A key of the same tenant that may not use the model gets no answer of another's.
    let named = Path::<HashMap<String, String>>::from_request_parts(&mut parts, host).await;
    let in_body = parts.extensions.get::<NamedModel>().map(|NamedModel(model)| model.clone());
    let model = match named.as_ref().ok().and_then(|Path(names)| names.get("model")) {
        Some(model) => Some(host.slot(model)?.name().clone()),
        None => in_body,
    };
    if let Some(model) = &model {
        caller.scope(model)?;
    }
    let caller = caller.admitted(host)?;
    // A repeat is a request as every other. Where it is none, the call gives this one back and takes its own.
    let mut request = Taken::default();
    if let Some(model) = &model {
        request.take(&caller.account().plan(host.quotas(), model).requests, 1).await?;
    }
    let body = match bounded(&parts.headers, body, host.limits().body_bytes).await {
        Ok(body) => body,
        Err(error) => {
            request.keep();
            return Err(error);
        }
    };
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let answers = host.answers();
    // Whoever has a key has been looked for with the secret.
    let secret = host.directory().accounts().secret().open().await;
    let secret = secret.map_err(|error| Error::LedgerUnavailable { internal: error.to_string() })?;
    let tenant = caller.tenant().as_str();
    let id = digest(secret.calls(), &[b"id", tenant.as_bytes(), &key]);
    let mut parts_of_call = vec![b"call".as_slice(), path.as_bytes(), &body];
    parts_of_call.extend(READ_BY.iter().flat_map(|name| parts.headers.get_all(*name)).map(HeaderValue::as_bytes));
    let fingerprint = digest(secret.calls(), &parts_of_call);
    let sealed = parts.extensions.remove::<SealedCall>();
    let call = Call { id, fingerprint, secret: &secret.answers_of(tenant), key, sealed: sealed.as_ref() };
    parts.extensions.insert(caller.clone());
    parts.extensions.insert(CallId(digest(secret.calls(), &[b"record", &id, &fingerprint])));
    let (came, mut waits) = (Instant::now(), None);
    let place = loop {
        let begun = answers.begin(&call).await?;
        if matches!(begun, Some(Begun::Answered(_) | Begun::OtherCall | Begun::Running)) {
            request.keep();
        }
        match begun {
            Some(Begun::First(place)) => break Some(place),
            Some(Begun::Answered(sealed)) => return call.again(&sealed),
            Some(Begun::OtherCall) => return Err(Error::IdempotencyReused),
            Some(Begun::Replayed) => return Err(Error::Replayed),
            Some(Begun::Running) => {
                if waits.is_none() {
                    waits = admit::waits(host, &caller, body.len());
                }
                if came.elapsed() >= PATIENCE || waits.is_none() {
                    return Err(Error::IdempotencyRunning);
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
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    match place {
        Some(place) => {
            let (kept, ()) = tokio::join!(call.keep(place, response), host.before_freezing());
            kept
        }
        None => Ok(response),
    }
}

/// A call that is to run once.
struct Call<'a> {
    id: [u8; 32],
    fingerprint: [u8; 32],
    secret: &'a hmac::Key,
    key: Zeroizing<Vec<u8>>,
    /// Where it came sealed, and replays are refused.
    sealed: Option<&'a SealedCall>,
}

impl Call<'_> {
    /// Keeps `response` where it is a success of a size that can be kept.
    async fn keep(&self, place: Place, response: Response<Body>) -> Result<Response<Body>, Error> {
        let small = response.body().size_hint().exact().is_some_and(|size| size <= LARGEST);
        if !response.status().is_success() || !small {
            place.leave().await;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Error::internal(error.to_string()))?.to_bytes();
        let mut head = ResponseHead::new(parts.status.as_u16()).map_err(|error| Error::internal(error.to_string()))?;
        for (name, value) in parts.headers.iter().filter(|(name, _)| !OF_ONE_ANSWER.contains(&name.as_str())) {
            head.headers.push(name.as_str(), value.as_bytes()).map_err(|error| Error::internal(error.to_string()))?;
        }
        let message = bhttp::Response::new(head, body.to_vec()).encode(MessageEncoding::default());
        if let Err(error) = place.finish(self.seal(message)?).await {
            tracing::error!(%error, "an answer could not be kept: a repeat of the call runs again");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    /// The first answer, once more.
    fn again(&self, sealed: &[u8]) -> Result<Response<Body>, Error> {
        let broken = || Error::internal("an answer that was kept cannot be opened");
        let message = self.open(sealed).ok_or_else(broken)?;
        let limits = bhttp::DecodeLimits { content: LARGEST, ..bhttp::DecodeLimits::default() };
        let answer = bhttp::Response::decode(&message, limits).map_err(|_| broken())?;
        let mut response = Response::new(Body::from(answer.content));
        *response.status_mut() = answer.head.status().try_into().map_err(|_| broken())?;
        for (name, value) in answer.head.headers.iter() {
            let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
            response.headers_mut().append(name.map_err(|_| broken())?, value.map_err(|_| broken())?);
        }
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }

    fn seal(&self, mut message: Vec<u8>) -> Result<Bytes, Error> {
        let failed = || Error::internal("an answer could not be sealed");
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| failed())?;
        let of_it = Nonce::assume_unique_for_key(nonce);
        self.cipher()
            .and_then(|cipher| cipher.seal_in_place_append_tag(of_it, self.bound(), &mut message).ok())
            .ok_or_else(failed)?;
        Ok([nonce.as_slice(), &message].concat().into())
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut message = sealed.to_vec();
        let opened = self.cipher()?.open_in_place(Nonce::assume_unique_for_key(*nonce), self.bound(), &mut message);
        let length = opened.ok()?.len();
        message.truncate(length);
        Some(message)
    }

    /// Needs what the caller sent, which is kept nowhere.
    fn cipher(&self) -> Option<LessSafeKey> {
        let key = Zeroizing::new(digest(self.secret, &[b"seal", &self.id, &self.key]));
        UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
    }

    fn bound(&self) -> Aad<Vec<u8>> {
        Aad::from([self.id, self.fingerprint].concat())
    }
}

/// The key in the headers: what can stand in a header and be seen.
fn idempotency_key(headers: &HeaderMap) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = keys.next().map(HeaderValue::as_bytes).unwrap_or_default();
    let valid = (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) && keys.next().is_none();
    if valid { Ok(Zeroizing::new(key.to_vec())) } else { Err(Error::IdempotencyKey) }
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

/// HMAC-SHA256 of `parts`, each with its length, so that no other parts have the same.
fn digest(secret: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(secret);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.sign().as_ref());
    digest
}

/// How long a repeat waits for the first: longer than most runs and than the lease of a process that is gone, and shorter than API
/// Gateway's 29 s.
const PATIENCE: Duration = Duration::from_secs(25);
/// After how long it looks whether that one has ended, at least and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How many calls a process remembers at least to have begun, of the last.
const REMEMBERED: usize = 4096;
/// How long a ledger that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(2);
/// The largest answer that is kept; what a repeat of a larger one asks for runs again.
pub(crate) const LARGEST: u64 = 8 << 20;
/// Headers without which nobody can tell what a body says: the same bytes with others are another call.
const READ_BY: [&str; 2] = ["content-encoding", HEADER_LENGTH];
/// Headers that each answer has for itself.
const OF_ONE_ANSWER: [&str; 3] = [REQUEST_ID, "date", "content-length"];

#[cfg(test)]
mod tests;
