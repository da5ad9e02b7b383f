//! A call with an idempotency key runs once: the first answer is kept, sealed, and given again to whoever repeats the call.
//!
//! A layer on the routes, inside the one that opens sealed calls. What is kept is a success; anything else lets a repeat run. While
//! the ledger cannot be reached calls run as if they had no key: a prediction that is made twice is better than none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use amaas_wire::bhttp::{self, Encoding, ResponseHead};
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

use super::{Caller, bounded};
use crate::error::Error;
use crate::ledger::{Begun, Calls, Ledger, LedgerError, Memory, Place};
use crate::router::Host;
use crate::seal::Sealing;

/// Answers that were given, and the secret without which nothing can be told from them.
pub(crate) struct Answers {
    calls: Calls,
    secret: Secret,
    /// Until when a ledger that did not answer is left alone.
    paused: Mutex<Option<Instant>>,
}

enum Secret {
    /// Drawn by this process. `None` where the operating system gave no randomness: then nothing is kept.
    OfProcess(Option<Zeroizing<[u8; 32]>>),
    /// The same in every function that has these keys.
    OfKeySet(Sealing),
}

impl Answers {
    /// Kept in the memory of this process.
    pub(crate) fn in_memory() -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        let drawn = getrandom::fill(secret.as_mut_slice()).is_ok();
        Self::new(Arc::new(Memory::default()), Secret::OfProcess(drawn.then_some(secret)))
    }

    /// Kept in `ledger` for every function that has the keys of `sealing`.
    pub(crate) fn in_ledger(ledger: Arc<dyn Ledger>, sealing: Sealing) -> Self {
        Self::new(ledger, Secret::OfKeySet(sealing))
    }

    fn new(ledger: Arc<dyn Ledger>, secret: Secret) -> Self {
        Self { calls: Calls::new(ledger), secret, paused: Mutex::default() }
    }

    async fn secret(&self) -> Result<hmac::Key, Error> {
        let secret = match &self.secret {
            Secret::OfProcess(secret) => {
                secret.clone().ok_or_else(|| Error::internal("the operating system gave no randomness"))?
            }
            Secret::OfKeySet(sealing) => sealing.answers_secret().await?,
        };
        Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()))
    }

    /// How the call begins; nothing where the ledger cannot be reached, and the call runs without it.
    async fn begin(&self, call: &Call<'_>) -> Result<Option<Begun>, Error> {
        if self.paused().is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        match self.calls.begin(call.id, call.fingerprint).await {
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

    fn paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer.
pub(crate) async fn once(State(host): State<Host>, request: Request, next: Next) -> Response<Body> {
    if request.method() != Method::POST || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    run_once(&host, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn run_once(host: &Host, request: Request, next: Next) -> Result<Response<Body>, Error> {
    let (mut parts, body) = request.into_parts();
    let key = idempotency_key(&parts.headers)?;
    let caller = Caller::from_request_parts(&mut parts, host).await?;
    // A key of the same tenant that may not use the model gets no answer of another's.
    if let Ok(Path(names)) = Path::<HashMap<String, String>>::from_request_parts(&mut parts, host).await
        && let Some(model) = names.get("model")
    {
        caller.scope(host.slot(model)?.name())?;
    }
    let caller = caller.admitted(host)?;
    let body = bounded(&parts.headers, body, host.limits().body_bytes).await?;
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let (answers, secret) = (host.answers(), &host.answers().secret().await?);
    let id = digest(secret, &[b"id", caller.tenant().as_bytes(), &key]);
    let mut parts_of_call = vec![b"call".as_slice(), path.as_bytes(), &body];
    parts_of_call.extend(READ_BY.iter().flat_map(|name| parts.headers.get_all(*name)).map(HeaderValue::as_bytes));
    let call = Call { id, fingerprint: digest(secret, &parts_of_call), secret, key };
    parts.extensions.insert(caller);
    let (mut wait, patience) = (FIRST_LOOK, Instant::now() + PATIENCE);
    let place = loop {
        match answers.begin(&call).await? {
            Some(Begun::First(place)) => break Some(place),
            Some(Begun::Answered(sealed)) => return call.again(&sealed),
            Some(Begun::OtherCall) => return Err(Error::IdempotencyReused),
            Some(Begun::Running) if Instant::now() >= patience => return Err(Error::IdempotencyRunning),
            Some(Begun::Running) => sleep(wait).await,
            None => break None,
        }
        wait = (wait * 2).min(LAST_LOOK);
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    match place {
        Some(place) => call.keep(place, response).await,
        None => Ok(response),
    }
}

/// A call that is to run once.
struct Call<'a> {
    id: [u8; 32],
    fingerprint: [u8; 32],
    secret: &'a hmac::Key,
    key: Zeroizing<Vec<u8>>,
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
        let message = bhttp::Response::new(head, body.to_vec()).encode(Encoding::default());
        if let Err(error) = place.finish(self.seal(message)?).await {
            tracing::error!(%error, "an answer could not be kept: a repeat of the call runs again");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    /// The first answer, once more.
    fn again(&self, sealed: &[u8]) -> Result<Response<Body>, Error> {
        let broken = || Error::internal("an answer that was kept cannot be opened");
        let message = self.open(sealed).ok_or_else(broken)?;
        let limits = bhttp::Limits { content: LARGEST, ..bhttp::Limits::default() };
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
/// After how long it looks whether that one has ended, at first and in the end.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(320);
/// How long a ledger that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(2);
/// The largest answer that is kept; what a repeat of a larger one asks for runs again.
const LARGEST: u64 = 8 << 20;
/// Headers without which nobody can tell what a body says: the same bytes with others are another call.
const READ_BY: [&str; 2] = ["content-encoding", HEADER_LENGTH];
/// Headers that each answer has for itself.
const OF_ONE_ANSWER: [&str; 3] = [REQUEST_ID, "date", "content-length"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use amaas_wire::ApiKey;
    use axum::Router;
    use axum::routing::post;
    use http::StatusCode;
    use tokio::sync::Notify;
    use tokio::time::timeout;
    use tower::ServiceExt;

    use super::*;
    use crate::access::{KeyDocument, KeyRecord, Keys};
    use crate::config::Limits;
    use crate::ledger::{Entry, Inserted, Key, Revision};
    use crate::load::Slot;
    use crate::store::Store;

    /// A route that counts how often it runs, and tells what it was sent.
    struct Counted {
        router: Router,
        runs: Arc<AtomicUsize>,
        go: Arc<Notify>,
        keys: [ApiKey; 2],
        _folder: tempfile::TempDir,
    }

    impl Counted {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let document = KeyDocument::new(Store::folder(folder.path()));
            let keys = [ApiKey::generate("test"), ApiKey::generate("test")].map(|key| key.expect("random"));
            for (key, tenant) in keys.iter().zip(["one", "two"]) {
                document.insert(KeyRecord::new(key, tenant, 0)).await.expect("inserted");
            }
            let host = Host::new(Arc::new(document), Limits::default());
            let (runs, go) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
            let (count, wait) = (Arc::clone(&runs), Arc::clone(&go));
            let route = move |body: Bytes| async move {
                let run = count.fetch_add(1, Ordering::SeqCst);
                match body.as_ref() {
                    b"slow" => wait.notified().await,
                    b"fail" => return (StatusCode::SERVICE_UNAVAILABLE, String::new()),
                    _ => {}
                }
                (StatusCode::OK, format!("run {run}"))
            };
            let router = Router::new()
                .route("/run", post(route.clone()))
                .route("/other", post(route))
                .layer(axum::middleware::from_fn_with_state(host.clone(), once))
                .with_state(host);
            Self { router, runs, go, keys, _folder: folder }
        }

        async fn call(&self, path: &str, tenant: usize, key: &str, body: &'static str) -> (u16, bool, String) {
            let request =
                Request::post(path).header("x-api-key", self.keys[tenant].expose()).header(IDEMPOTENCY_KEY, key);
            let response = self.router.clone().oneshot(request.body(Body::from(body)).expect("a request")).await;
            let (parts, body) = response.expect("an answer").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            let body = String::from_utf8_lossy(&body).into_owned();
            (parts.status.as_u16(), parts.headers.contains_key(IDEMPOTENCY_REPLAYED), body)
        }
    }

    #[tokio::test]
    async fn a_repeat_gets_the_first_answer() {
        let counted = Counted::new().await;
        assert_eq!(counted.call("/run", 0, "k", "x").await, (200, false, "run 0".to_owned()));
        assert_eq!(counted.call("/run", 0, "k", "x").await, (200, true, "run 0".to_owned()));
        for (path, body) in [("/run", "y"), ("/other", "x"), ("/run?version=2", "x")] {
            let (status, _, _) = counted.call(path, 0, "k", body).await;
            assert_eq!(status, 422, "{path} {body}");
        }
        assert_eq!(counted.call("/run", 1, "k", "x").await, (200, false, "run 1".to_owned()), "another tenant's");
        assert_eq!(counted.call("/run", 0, "l", "x").await, (200, false, "run 2".to_owned()), "another key");
    }

    #[tokio::test]
    async fn the_same_bytes_read_otherwise_are_another_call() {
        let counted = Counted::new().await;
        let call = async |header: Option<(&str, &str)>| {
            let request =
                Request::post("/run").header("x-api-key", counted.keys[0].expose()).header(IDEMPOTENCY_KEY, "k");
            let request = match header {
                Some((name, value)) => request.header(name, value),
                None => request,
            };
            let request = request.body(Body::from("x")).expect("a request");
            counted.router.clone().oneshot(request).await.expect("an answer").status().as_u16()
        };
        assert_eq!(call(Some((HEADER_LENGTH, "1"))).await, 200);
        assert_eq!(call(Some((HEADER_LENGTH, "1"))).await, 200);
        for other in [None, Some((HEADER_LENGTH, "0")), Some(("content-encoding", "gzip"))] {
            assert_eq!(call(other).await, 422, "{other:?}");
        }
        assert_eq!(counted.runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn ten_at_once_run_once() {
        let counted = Arc::new(Counted::new().await);
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let counted = Arc::clone(&counted);
                tokio::spawn(async move { counted.call("/run", 0, "k", "slow").await })
            })
            .collect();
        while counted.runs.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        counted.go.notify_one();
        let mut replayed = 0;
        for call in calls {
            let (status, again, body) = call.await.expect("answered");
            assert_eq!((status, body.as_str()), (200, "run 0"));
            replayed += usize::from(again);
        }
        assert_eq!((replayed, counted.runs.load(Ordering::SeqCst)), (9, 1));
    }

    #[tokio::test]
    async fn errors_and_calls_that_were_given_up_are_not_kept() {
        let counted = Counted::new().await;
        assert_eq!(counted.call("/run", 0, "k", "fail").await.0, 503);
        assert_eq!(counted.call("/run", 0, "k", "x").await, (200, false, "run 1".to_owned()));
        let given_up = timeout(Duration::from_millis(50), counted.call("/run", 0, "l", "slow")).await;
        assert!(given_up.is_err());
        // Its place is given back in a task of its own.
        tokio::task::yield_now().await;
        assert_eq!(counted.call("/run", 0, "l", "x").await, (200, false, "run 3".to_owned()));
    }

    #[tokio::test]
    async fn a_key_gets_no_answer_of_a_model_that_it_may_not_use() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let document = KeyDocument::new(Store::folder(folder.path()));
        let keys = [ApiKey::generate("test"), ApiKey::generate("test")].map(|key| key.expect("random"));
        let mut records = keys.each_ref().map(|key| KeyRecord::new(key, "one", 0));
        records[1].models = Some(["other".parse().expect("a name")].into());
        for record in records {
            document.insert(record).await.expect("inserted");
        }
        let host = Host::new(Arc::new(document), Limits::default());
        host.insert(Arc::new(Slot::new("m".parse().expect("a name"), "1".parse().expect("a version"))));
        let router = Router::new()
            .route("/v1/models/{model}/predict", post(async || "answer"))
            .layer(axum::middleware::from_fn_with_state(host.clone(), once))
            .with_state(host);
        let mut statuses = Vec::new();
        for key in [&keys[0], &keys[0], &keys[1]] {
            let request = Request::post("/v1/models/m/predict").header("x-api-key", key.expose());
            let request = request.header(IDEMPOTENCY_KEY, "k").body(Body::from("x")).expect("a request");
            statuses.push(router.clone().oneshot(request).await.expect("an answer").status().as_u16());
        }
        assert_eq!(statuses, [200, 200, 403]);
    }

    #[tokio::test]
    async fn keys_that_are_none_are_refused() {
        let counted = Counted::new().await;
        for key in ["", "a b", &"x".repeat(256)] {
            assert_eq!(counted.call("/run", 0, key, "x").await.0, 400, "{key:?}");
        }
        assert_eq!(counted.runs.load(Ordering::SeqCst), 0);
    }

    /// A ledger that fails in one way, and counts how often it is asked.
    #[derive(Debug)]
    struct Failing(LedgerError, AtomicUsize);

    impl Failing {
        fn fail<T>(&self) -> Result<T, LedgerError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Err(self.0.clone())
        }
    }

    #[async_trait::async_trait]
    impl Ledger for Failing {
        async fn read(&self, _: &Key) -> Result<Option<Entry>, LedgerError> {
            self.fail()
        }
        async fn insert(&self, _: &Key, _: Bytes, _: Duration) -> Result<Inserted, LedgerError> {
            self.fail()
        }
        async fn replace(&self, _: &Key, _: Revision, _: Bytes, _: Duration) -> Result<Option<Revision>, LedgerError> {
            self.fail()
        }
        async fn extend(&self, _: &Key, _: Revision, _: Duration) -> Result<bool, LedgerError> {
            self.fail()
        }
        async fn remove(&self, _: &Key, _: Revision) -> Result<bool, LedgerError> {
            self.fail()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ledger_that_fails_stops_calls_only_where_nobody_but_its_owner_can_help() {
        let (ledger, cause) = (String::new, String::new);
        for (error, runs, asked) in [
            (LedgerError::Unreachable { ledger: ledger(), cause: cause() }, true, 1),
            (LedgerError::Format { ledger: ledger(), cause: cause() }, true, 2),
            (LedgerError::Denied { ledger: ledger(), cause: cause() }, false, 2),
        ] {
            let failing = Arc::new(Failing(error, AtomicUsize::new(0)));
            let answers = Answers::new(Arc::clone(&failing) as Arc<dyn Ledger>, Secret::OfProcess(None));
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
            let key = Zeroizing::new(b"k".to_vec());
            let call = Call { id: [1; 32], fingerprint: [2; 32], secret: &secret, key };
            for _ in 0..2 {
                match answers.begin(&call).await {
                    Ok(begun) => assert!(runs && begun.is_none()),
                    Err(error) => assert!(!runs && matches!(error, Error::LedgerUnavailable { .. })),
                }
            }
            assert_eq!(failing.1.load(Ordering::SeqCst), asked);
            tokio::time::advance(PAUSE).await;
            let _ = answers.begin(&call).await;
            assert_eq!(failing.1.load(Ordering::SeqCst), asked + 1, "it is asked again");
        }
    }

    #[test]
    fn what_is_kept_opens_for_the_same_call_only() {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let call = |id: u8, fingerprint: u8, key: &str| Call {
            id: [id; 32],
            fingerprint: [fingerprint; 32],
            secret: &secret,
            key: Zeroizing::new(key.as_bytes().to_vec()),
        };
        let sealed = call(1, 1, "k").seal(b"CANARY answer".to_vec()).expect("sealed");
        assert!(!sealed.windows(6).any(|window| window == b"CANARY"));
        assert_eq!(call(1, 1, "k").open(&sealed).as_deref(), Some(b"CANARY answer".as_slice()));
        for other in [call(2, 1, "k"), call(1, 2, "k"), call(1, 1, "l")] {
            assert_eq!(other.open(&sealed), None);
        }
        for index in 0..sealed.len() {
            let mut altered = sealed.to_vec();
            altered[index] ^= 1;
            assert_eq!(call(1, 1, "k").open(&altered), None);
            assert_eq!(call(1, 1, "k").open(&sealed[..index]), None);
        }
    }
}
