//! Stored responses of calls with an idempotency key, encrypted with a key that is derived from the request.
//!
//! Written by hand: access to the ledger alone must not be enough to read a response, and no cache crate derives its key from the request.

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

/// The store of responses of calls with an idempotency key.
pub(crate) struct ResponseStore {
    calls: IdempotencyStore,
    /// Calls that this process began: a repeat of one reads the ledger before it writes.
    begun: Mutex<RecentCalls>,
    /// When to try an unreachable ledger again.
    paused: Mutex<Option<Instant>>,
}

impl ResponseStore {
    /// Stores responses in `ledger`, for all functions that share it.
    pub(crate) fn in_ledger(ledger: Arc<dyn Ledger>) -> Self {
        Self { calls: IdempotencyStore::new(ledger), begun: Mutex::default(), paused: Mutex::default() }
    }

    /// Begins the call. `None` if the ledger is unreachable: the call then runs without idempotency.
    pub(crate) async fn begin(&self, call: &IdempotentCall<'_>) -> Result<Option<BeginOutcome>, Error> {
        if self.lock_paused().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        match self.begin_or_read(call).await {
            Ok(begun) => Ok(Some(begun)),
            Err(error @ LedgerError::Denied { .. }) => {
                Err(Error::Idempotency(IdempotencyError::LedgerUnavailable { internal: error.to_string() }))
            }
            Err(error @ LedgerError::Format { .. }) => {
                tracing::error!(%error, "stored response damaged: the call runs again");
                Ok(None)
            }
            Err(error) => {
                tracing::error!(%error, "calls run without a ledger: repeated calls run again");
                *self.lock_paused() = Some(Instant::now() + LEDGER_RETRY_INTERVAL);
                Ok(None)
            }
        }
    }

    /// Reads the entry of a call that this process began, and begins any other. A ledger can charge more for a refused write than
    /// for a read.
    async fn begin_or_read(&self, call: &IdempotentCall<'_>) -> Result<BeginOutcome, LedgerError> {
        let known = self.begun.lock().unwrap_or_else(PoisonError::into_inner).remember(call.id);
        if known && let Some(begun) = self.calls.look(call.id, call.fingerprint).await? {
            return Ok(begun);
        }
        self.calls.begin(call.id, call.fingerprint, call.sealed.map(SealedCall::marker)).await
    }

    fn lock_paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most recent calls that this process began: some thousands, in bounded memory.
#[derive(Default)]
pub(crate) struct RecentCalls {
    pub(crate) current: HashSet<[u8; 32]>,
    pub(crate) previous: HashSet<[u8; 32]>,
}

impl RecentCalls {
    /// Remembers `id`; true if it was known.
    pub(crate) fn remember(&mut self, id: [u8; 32]) -> bool {
        if self.current.len() >= MIN_REMEMBERED_CALLS {
            self.previous = std::mem::take(&mut self.current);
        }
        let known = self.previous.contains(&id);
        !self.current.insert(id) || known
    }
}

/// A call with an idempotency key, which runs once.
pub(crate) struct IdempotentCall<'a> {
    pub(crate) id: [u8; 32],
    pub(crate) fingerprint: [u8; 32],
    pub(crate) secret: &'a hmac::Key,
    pub(crate) key: Zeroizing<Vec<u8>>,
    /// Set if the call was sealed and replays are refused.
    pub(crate) sealed: Option<&'a SealedCall>,
}

impl IdempotentCall<'_> {
    /// Stores `response` if it is a success and not too large.
    pub(crate) async fn store(&self, lease: Lease, response: Response<Body>) -> Result<Response<Body>, Error> {
        let small = response.body().size_hint().exact().is_some_and(|size| size <= MAX_STORED_RESPONSE_BYTES);
        if !response.status().is_success() || !small {
            lease.release().await;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Error::internal(error.to_string()))?.to_bytes();
        let mut head = ResponseHead::new(parts.status.as_u16()).map_err(|error| Error::internal(error.to_string()))?;
        for (name, value) in parts.headers.iter().filter(|(name, _)| !UNSTORED_HEADERS.contains(&name.as_str())) {
            head.headers.push(name.as_str(), value.as_bytes()).map_err(|error| Error::internal(error.to_string()))?;
        }
        let message = bhttp::Response::new(head, body.to_vec()).encode(MessageEncoding::default());
        if let Err(error) = lease.finish(self.seal(message)?).await {
            tracing::error!(%error, "response not stored: a repeat of the call runs again");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    /// The stored response, for a repeat.
    pub(crate) fn replay(&self, sealed: &[u8]) -> Result<Response<Body>, Error> {
        let broken = || Error::internal("the stored response cannot be opened");
        let message = self.open(sealed).ok_or_else(broken)?;
        let limits = bhttp::DecodeLimits { content: MAX_STORED_RESPONSE_BYTES, ..bhttp::DecodeLimits::default() };
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
        let failed = || Error::internal("the response could not be sealed for storage");
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| failed())?;
        let unique = Nonce::assume_unique_for_key(nonce);
        self.cipher()
            .and_then(|cipher| cipher.seal_in_place_append_tag(unique, self.associated_data(), &mut message).ok())
            .ok_or_else(failed)?;
        Ok([nonce.as_slice(), &message].concat().into())
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut message = sealed.to_vec();
        let opened =
            self.cipher()?.open_in_place(Nonce::assume_unique_for_key(*nonce), self.associated_data(), &mut message);
        let length = opened.ok()?.len();
        message.truncate(length);
        Some(message)
    }

    /// The cipher, whose key depends on the client's idempotency key; that is stored nowhere.
    fn cipher(&self) -> Option<LessSafeKey> {
        let key = Zeroizing::new(digest(self.secret, &[b"seal", &self.id, &self.key]));
        UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
    }

    fn associated_data(&self) -> Aad<Vec<u8>> {
        Aad::from([self.id, self.fingerprint].concat())
    }
}

/// HMAC-SHA256 of `parts`, each preceded by its length, so that other parts have another digest.
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

/// The most recent calls that a process remembers, at least.
pub(crate) const MIN_REMEMBERED_CALLS: usize = 4096;
/// How long an unreachable ledger is not tried again.
pub(crate) const LEDGER_RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// The largest stored response; a repeat of a call with a larger one runs again.
pub(crate) const MAX_STORED_RESPONSE_BYTES: u64 = 8 << 20;
/// Headers of one response only, which are not stored.
const UNSTORED_HEADERS: [&str; 3] = [REQUEST_ID, "date", "content-length"];
