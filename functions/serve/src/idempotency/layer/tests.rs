use crate::error::IdempotencyError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amaas_wire::ApiKey;
use axum::Router;
use axum::routing::post;
use http::StatusCode;
use tokio::sync::Notify;
use tokio::time::timeout;
use tower::ServiceExt;

use amaas_ledger::{Ledger, LedgerError};
use amaas_wire::predict::IDEMPOTENCY_REPLAYED;
use aws_lc_rs::hmac;
use bytes::Bytes;
use http_body_util::BodyExt;

use super::*;
use crate::limits::Limits;
use crate::response_store::{LEDGER_RETRY_INTERVAL, MIN_REMEMBERED_CALLS, RecentCalls, ResponseStore};
use amaas_access::{Accounts, KeyScope, KeyTerms};
use amaas_ledger::{
    CounterOutcome, CounterUpdate, InsertOutcome, LedgerEntry, LedgerKey, LedgerWrite, ListedEntry, Revision,
};
use amaas_model::load::ModelSlot;

/// A route that counts how often it runs.
struct CountingRoute {
    router: Router,
    runs: Arc<AtomicUsize>,
    go: Arc<Notify>,
    keys: [ApiKey; 2],
    sealed: SealedCall,
}

impl CountingRoute {
    async fn new() -> Self {
        let accounts = Accounts::in_memory().expect("randomness");
        let keys = [ApiKey::generate("test"), ApiKey::generate("test")].map(|key| key.expect("randomness"));
        for (key, tenant) in keys.iter().zip(["one", "two"]) {
            accounts.add_key(key, KeyTerms::of(tenant.parse().expect("a valid name"))).await.expect("stored");
        }
        let sealed = SealedCall::in_ledger(Arc::clone(accounts.ledger()));
        let state = AppState::builder(accounts, Limits::default()).build();
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
            .layer(axum::middleware::from_fn_with_state(state.clone(), idempotency_layer))
            .with_state(state);
        Self { router, runs, go, keys, sealed }
    }

    async fn call(&self, path: &str, tenant: usize, key: &str, body: &'static str) -> (u16, bool, String) {
        self.call_with(path, tenant, key, body, None).await
    }

    /// The same call, as if it had been sealed.
    async fn call_with(
        &self,
        path: &str,
        tenant: usize,
        key: &str,
        body: &'static str,
        sealed: Option<SealedCall>,
    ) -> (u16, bool, String) {
        let request = Request::post(path).header("x-api-key", self.keys[tenant].expose()).header(IDEMPOTENCY_KEY, key);
        let mut request = request.body(Body::from(body)).expect("a request");
        if let Some(sealed) = sealed {
            request.extensions_mut().insert(sealed);
        }
        let response = self.router.clone().oneshot(request).await;
        let (parts, body) = response.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        (parts.status.as_u16(), parts.headers.contains_key(IDEMPOTENCY_REPLAYED), body)
    }
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let counted = CountingRoute::new().await;
    assert_eq!(counted.call("/run", 0, "k", "x").await, (200, false, "run 0".to_owned()));
    assert_eq!(counted.call("/run", 0, "k", "x").await, (200, true, "run 0".to_owned()));
    for (path, body) in [("/run", "y"), ("/other", "x"), ("/run?version=2", "x")] {
        let (status, _, _) = counted.call(path, 0, "k", body).await;
        assert_eq!(status, 422, "{path} {body}");
    }
    assert_eq!(counted.call("/run", 1, "k", "x").await, (200, false, "run 1".to_owned()), "a call of another tenant");
    assert_eq!(counted.call("/run", 0, "l", "x").await, (200, false, "run 2".to_owned()), "another key");
}

#[tokio::test]
async fn a_recording_of_a_sealed_call_does_not_run_where_no_answer_is_kept() {
    let counted = CountingRoute::new().await;
    let sealed = |id: u8| Some(counted.sealed.other(id));
    // A stored response may be replayed: it costs the tenant nothing.
    assert_eq!(counted.call_with("/run", 0, "k", "x", sealed(1)).await, (200, false, "run 0".to_owned()));
    assert_eq!(counted.call_with("/run", 0, "k", "x", sealed(1)).await, (200, true, "run 0".to_owned()));
    // A streamed or failed response is not stored: the client may seal the call again, and a recording is refused for ever.
    assert_eq!(counted.call_with("/run", 0, "l", "fail", sealed(2)).await.0, 503);
    assert_eq!(counted.call_with("/run", 0, "l", "fail", sealed(2)).await.0, 409);
    assert_eq!(counted.call_with("/run", 0, "l", "fail", sealed(3)).await.0, 503);
    for recorded in [2, 3, 2] {
        assert_eq!(counted.call_with("/run", 0, "l", "fail", sealed(recorded)).await.0, 409, "{recorded}");
    }
    // The client disconnects during the call.
    let given_up = timeout(Duration::from_millis(50), counted.call_with("/run", 0, "m", "slow", sealed(4))).await;
    assert!(given_up.is_err());
    tokio::task::yield_now().await;
    assert_eq!(counted.call_with("/run", 0, "m", "slow", sealed(4)).await.0, 409);
    assert_eq!(counted.runs.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn the_same_bytes_read_otherwise_are_another_call() {
    let counted = CountingRoute::new().await;
    let call = async |header: Option<(&str, &str)>| {
        let request = Request::post("/run").header("x-api-key", counted.keys[0].expose()).header(IDEMPOTENCY_KEY, "k");
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
    let counted = Arc::new(CountingRoute::new().await);
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
    let counted = CountingRoute::new().await;
    assert_eq!(counted.call("/run", 0, "k", "fail").await.0, 503);
    assert_eq!(counted.call("/run", 0, "k", "x").await, (200, false, "run 1".to_owned()));
    let given_up = timeout(Duration::from_millis(50), counted.call("/run", 0, "l", "slow")).await;
    assert!(given_up.is_err());
    // A task releases its lease.
    tokio::task::yield_now().await;
    assert_eq!(counted.call("/run", 0, "l", "x").await, (200, false, "run 3".to_owned()));
}

#[tokio::test]
async fn a_key_gets_no_answer_of_a_model_that_it_may_not_use() {
    let accounts = Accounts::in_memory().expect("randomness");
    let keys = [ApiKey::generate("test"), ApiKey::generate("test")].map(|key| key.expect("randomness"));
    let scopes = [None, Some(["other".parse().expect("a valid name")].into())];
    for (key, models) in keys.iter().zip(scopes) {
        let scope = KeyScope { models, ..KeyScope::default() };
        let terms = KeyTerms { scope, ..KeyTerms::of("one".parse().expect("a valid name")) };
        accounts.add_key(key, terms).await.expect("stored");
    }
    let state = AppState::builder(accounts, Limits::default()).build();
    state.insert(Arc::new(ModelSlot::new("m".parse().expect("a valid name"), "1".parse().expect("a version"))));
    let router = Router::new()
        .route("/v1/models/{model}/predict", post(async || "answer"))
        .layer(axum::middleware::from_fn_with_state(state.clone(), idempotency_layer))
        .with_state(state);
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
    let counted = CountingRoute::new().await;
    for key in ["", "a b", &"x".repeat(256)] {
        assert_eq!(counted.call("/run", 0, key, "x").await.0, 400, "{key:?}");
    }
    assert_eq!(counted.runs.load(Ordering::SeqCst), 0);
}

/// A ledger that always fails with the same error, and counts its calls.
#[derive(Debug)]
struct FailingLedger(LedgerError, AtomicUsize);

impl FailingLedger {
    fn fail<T>(&self) -> Result<T, LedgerError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Err(self.0.clone())
    }
}

#[async_trait::async_trait]
impl Ledger for FailingLedger {
    async fn read(&self, _: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError> {
        self.fail()
    }
    async fn insert(&self, _: &LedgerKey, _: Bytes, _: Duration) -> Result<InsertOutcome, LedgerError> {
        self.fail()
    }
    async fn replace(
        &self,
        _: &LedgerKey,
        _: Revision,
        _: Bytes,
        _: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        self.fail()
    }
    async fn extend(&self, _: &LedgerKey, _: Revision, _: Duration) -> Result<bool, LedgerError> {
        self.fail()
    }
    async fn remove(&self, _: &LedgerKey, _: Revision) -> Result<bool, LedgerError> {
        self.fail()
    }
    async fn write(&self, _: &[LedgerWrite]) -> Result<(), LedgerError> {
        self.fail()
    }
    async fn list(&self, _: &str, _: &str, _: usize) -> Result<Vec<ListedEntry>, LedgerError> {
        self.fail()
    }
    async fn count(&self, _: &LedgerKey, _: CounterUpdate) -> Result<CounterOutcome, LedgerError> {
        self.fail()
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_stops_calls_only_where_nobody_but_its_owner_can_help() {
    let (ledger, cause) = (String::new, String::new);
    for (error, runs, ledger_calls) in [
        (LedgerError::Unreachable { ledger: ledger(), cause: cause() }, true, 1),
        (LedgerError::Format { ledger: ledger(), cause: cause() }, true, 2),
        (LedgerError::Denied { ledger: ledger(), cause: cause() }, false, 2),
    ] {
        let failing = Arc::new(FailingLedger(error, AtomicUsize::new(0)));
        let answers = ResponseStore::in_ledger(Arc::clone(&failing) as Arc<dyn Ledger>);
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let key = Zeroizing::new(b"k".to_vec());
        let call = IdempotentCall { id: [1; 32], fingerprint: [2; 32], secret: &secret, key, sealed: None };
        for _ in 0..2 {
            match answers.begin(&call).await {
                Ok(begun) => assert!(runs && begun.is_none()),
                Err(error) => {
                    assert!(!runs && matches!(error, Error::Idempotency(IdempotencyError::LedgerUnavailable { .. })));
                }
            }
        }
        assert_eq!(failing.1.load(Ordering::SeqCst), ledger_calls);
        tokio::time::advance(LEDGER_RETRY_INTERVAL).await;
        let _ = answers.begin(&call).await;
        assert_eq!(failing.1.load(Ordering::SeqCst), ledger_calls + 1, "the ledger is tried again");
    }
}

#[test]
fn what_is_kept_opens_for_the_same_call_only() {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let call = |id: u8, fingerprint: u8, key: &str| IdempotentCall {
        id: [id; 32],
        fingerprint: [fingerprint; 32],
        secret: &secret,
        key: Zeroizing::new(key.as_bytes().to_vec()),
        sealed: None,
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

#[test]
fn the_last_calls_are_remembered_in_bounded_memory() {
    let (mut recent, id) = (RecentCalls::default(), |number: usize| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    });
    assert!(!recent.remember(id(0)) && recent.remember(id(0)));
    for number in 1..=MIN_REMEMBERED_CALLS {
        assert!(!recent.remember(id(number)), "{number}");
    }
    assert!(recent.remember(id(0)), "it is among the most recent calls");
    for number in 0..10 * MIN_REMEMBERED_CALLS {
        recent.remember(id(number));
    }
    assert!(recent.current.len() + recent.previous.len() <= 2 * MIN_REMEMBERED_CALLS);
}

#[test]
fn the_longer_a_repeat_has_waited_the_longer_it_waits() {
    let (mut waited, mut polls) = (Duration::ZERO, 0);
    while waited < REPEAT_WAIT {
        let pause = poll_delay(waited);
        assert!(pause >= MIN_POLL_INTERVAL * 3 / 4 && pause <= MAX_POLL_INTERVAL * 5 / 4, "{pause:?}");
        assert!(
            pause <= MIN_POLL_INTERVAL * 5 / 4 || pause <= waited,
            "a repeat takes less than twice as long as the first call"
        );
        (waited, polls) = (waited + pause, polls + 1);
    }
    assert!((10..60).contains(&polls), "{polls} polls");
}

/// A ledger that counts its inserts.
#[derive(Debug, Default)]
struct CountingLedger {
    ledger: amaas_ledger::MemoryLedger,
    inserts: AtomicUsize,
}

#[async_trait::async_trait]
impl Ledger for CountingLedger {
    async fn read(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError> {
        self.ledger.read(key).await
    }

    async fn insert(&self, key: &LedgerKey, value: Bytes, ttl: Duration) -> Result<InsertOutcome, LedgerError> {
        self.inserts.fetch_add(1, Ordering::SeqCst);
        self.ledger.insert(key, value, ttl).await
    }

    async fn replace(
        &self,
        key: &LedgerKey,
        revision: Revision,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        self.ledger.replace(key, revision, value, ttl).await
    }

    async fn extend(&self, key: &LedgerKey, revision: Revision, ttl: Duration) -> Result<bool, LedgerError> {
        self.ledger.extend(key, revision, ttl).await
    }

    async fn remove(&self, key: &LedgerKey, revision: Revision) -> Result<bool, LedgerError> {
        self.ledger.remove(key, revision).await
    }

    async fn write(&self, entries: &[LedgerWrite]) -> Result<(), LedgerError> {
        self.ledger.write(entries).await
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<ListedEntry>, LedgerError> {
        self.ledger.list(partition, after, limit).await
    }

    async fn count(&self, key: &LedgerKey, count: CounterUpdate) -> Result<CounterOutcome, LedgerError> {
        self.ledger.count(key, count).await
    }
}

#[tokio::test]
async fn a_repeat_reads_and_does_not_write() {
    let ledger = Arc::new(CountingLedger::default());
    let answers = ResponseStore::in_ledger(Arc::clone(&ledger) as Arc<dyn Ledger>);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let call = IdempotentCall {
        id: [1; 32],
        fingerprint: [2; 32],
        secret: &secret,
        key: Zeroizing::new(b"k".to_vec()),
        sealed: None,
    };
    let Ok(Some(BeginOutcome::First(lease))) = answers.begin(&call).await else { panic!("it is the first call") };
    for _ in 0..5 {
        assert!(matches!(answers.begin(&call).await, Ok(Some(BeginOutcome::Running))));
    }
    lease.finish(Bytes::from_static(b"answer")).await.expect("stored");
    for _ in 0..5 {
        assert!(matches!(answers.begin(&call).await, Ok(Some(BeginOutcome::Answered(_)))));
    }
    assert_eq!(ledger.inserts.load(Ordering::SeqCst), 1);
}
