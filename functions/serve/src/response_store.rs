//! Stored responses of calls with an idempotency key: sealed with a key that needs what the client sent.
//!
//! Written by hand: a reader of the ledger must be able to open no response, so the key is derived from the request itself, which no
//! cache crate does.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amaas_ledger::{BeginOutcome, IdempotencyStore, Lease, Ledger, LedgerError};
use amaas_ohttp::bhttp::{self, MessageEncoding, ResponseHead};
use amaas_wire::predict::{IDEMPOTENCY_REPLAYED, REQUEST_ID};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::{Error, IdempotencyError};
use crate::sealing::SealedCall;

/// Stored responses of calls with an idempotency key.
pub(crate) struct ResponseStore {
    calls: IdempotencyStore,
    /// Those that were begun by calls to this process: a repeat reads before it writes.
    begun: Mutex<RecentCalls>,
    /// Until when a ledger that did not answer is left alone.
    paused: Mutex<Option<Instant>>,
}

impl ResponseStore {
    /// Kept in `ledger`, for every function that has it.
    pub(crate) fn in_ledger(ledger: Arc<dyn Ledger>) -> Self {
        Self { calls: IdempotencyStore::new(ledger), begun: Mutex::default(), paused: Mutex::default() }
    }

    /// How the call begins; nothing where the ledger cannot be reached, and the call runs without it.
    pub(crate) async fn begin(&self, call: &IdempotentCall<'_>) -> Result<Option<BeginOutcome>, Error> {
        if self.paused().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        match self.begin_or_look(call).await {
            Ok(begun) => Ok(Some(begun)),
            Err(error @ LedgerError::Denied { .. }) => {
                Err(Error::Idempotency(IdempotencyError::LedgerUnavailable { internal: error.to_string() }))
            }
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
    async fn begin_or_look(&self, call: &IdempotentCall<'_>) -> Result<BeginOutcome, LedgerError> {
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

/// The last calls that were begun: some thousands, and in bounded memory.
#[derive(Default)]
pub(crate) struct RecentCalls {
    pub(crate) now: HashSet<[u8; 32]>,
    pub(crate) before: HashSet<[u8; 32]>,
}

impl RecentCalls {
    /// Remembers `id`, and says whether it was known.
    pub(crate) fn remember(&mut self, id: [u8; 32]) -> bool {
        if self.now.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.now);
        }
        let known = self.before.contains(&id);
        !self.now.insert(id) || known
    }
}

/// A call that is to run once.
pub(crate) struct IdempotentCall<'a> {
    pub(crate) id: [u8; 32],
    pub(crate) fingerprint: [u8; 32],
    pub(crate) secret: &'a hmac::Key,
    pub(crate) key: Zeroizing<Vec<u8>>,
    /// Where it came sealed, and replays are refused.
    pub(crate) sealed: Option<&'a SealedCall>,
}

impl IdempotentCall<'_> {
    /// Keeps `response` where it is a success of a size that can be kept.
    pub(crate) async fn keep(&self, place: Lease, response: Response<Body>) -> Result<Response<Body>, Error> {
        let small = response.body().size_hint().exact().is_some_and(|size| size <= LARGEST);
        if !response.status().is_success() || !small {
            place.release().await;
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
    pub(crate) fn again(&self, sealed: &[u8]) -> Result<Response<Body>, Error> {
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

    pub(crate) fn seal(&self, mut message: Vec<u8>) -> Result<Bytes, Error> {
        let failed = || Error::internal("an answer could not be sealed");
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| failed())?;
        let of_it = Nonce::assume_unique_for_key(nonce);
        self.cipher()
            .and_then(|cipher| cipher.seal_in_place_append_tag(of_it, self.bound(), &mut message).ok())
            .ok_or_else(failed)?;
        Ok([nonce.as_slice(), &message].concat().into())
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
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

/// HMAC-SHA256 of `parts`, each with its length, so that no other parts have the same.
pub(crate) fn digest(secret: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(secret);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.sign().as_ref());
    digest
}

/// How many calls a process remembers at least to have begun, of the last.
pub(crate) const REMEMBERED: usize = 4096;
/// How long a ledger that did not answer is left alone.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);
/// The largest answer that is kept; what a repeat of a larger one asks for runs again.
pub(crate) const LARGEST: u64 = 8 << 20;
/// Headers that each answer has for itself.
const OF_ONE_ANSWER: [&str; 3] = [REQUEST_ID, "date", "content-length"];
