//! The SDK with a faulty network.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amaas::task::TextClassification;
use amaas::{
    Answer, Authorization, AuthorizationFuture, CallOptions, Client, CredentialProvider, ErrorKind, RetryConfig,
    Sealing,
};
use amaas_e2e::faults::{Fault, Proxy};
use amaas_e2e::wait::MAX_WAIT;
use amaas_e2e::{Function, TestEnv, loopback};

/// A client whose first request is the call: plain, so that a script of faults can name the request to break. Sealed calls follow
/// the same rules (`sdk/tests/it`).
fn plain(env: &TestEnv, proxy: &Proxy) -> Client {
    env.client_builder(proxy.endpoint()).sealing(Sealing::Off).build().expect("enough is set")
}

const TEXT: &str = "a wonderful film";

/// A function behind a proxy.
async fn faulty(env: &TestEnv) -> (Function, Proxy) {
    let function = env.sentiment().await.start();
    let address = function.ready().await;
    (function, Proxy::start(address).await)
}

#[tokio::test]
async fn a_reset_is_tried_again_with_the_same_idempotency_key() {
    let env = TestEnv::start().await;
    let (_function, proxy) = faulty(&env).await;
    proxy.script([Fault::Reset(0), Fault::Reset(100)]);
    let model = plain(&env, &proxy).model("sentiment");
    let answer: Answer<TextClassification> = model.predict(TEXT).await.expect("an answer");
    assert_eq!((answer.attempts(), answer.prediction().label.as_str()), (3, "positive"));

    let requests = proxy.requests();
    assert_eq!(requests.iter().map(String::len).take(2).collect::<Vec<_>>(), [0, 100]);
    // The head is longer than the second connection's limit.
    proxy.script([Fault::Reset(LONGER_THAN_A_HEAD), Fault::Pass]);
    let fresh = plain(&env, &proxy).model("sentiment");
    let long = "wonderful ".repeat(1000);
    let answer: Answer<TextClassification> = fresh.predict(&long).await.expect("an answer");
    assert_eq!(answer.attempts(), 2);
    let keys = &proxy.headers("idempotency-key")[3..];
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    let ids = &proxy.headers("x-request-id")[3..];
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_tried_again() {
    let env = TestEnv::start().await;
    let (_function, proxy) = faulty(&env).await;
    // In the head, and in the body, which has some 100 bytes for each prediction.
    proxy.script([Fault::Cut(40), Fault::Cut(1000)]);
    let model = plain(&env, &proxy).model("sentiment");
    let answer: Answer<TextClassification> = model.predict_many(&[TEXT; 20]).await.expect("an answer");
    assert_eq!((answer.attempts(), answer.predictions().len()), (3, 20));
    let keys = proxy.headers("idempotency-key");
    assert!(keys.len() == 3 && keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn without_an_idempotency_key_what_may_have_been_done_is_not_tried_again() {
    let env = TestEnv::start().await;
    let (_function, proxy) = faulty(&env).await;
    proxy.script([Fault::Cut(40)]);
    let model = plain(&env, &proxy).model("sentiment");
    let blind = model.with(CallOptions::default().without_idempotency_key());
    let error = blind.predict::<TextClassification>(TEXT).await.expect_err("the answer broke off");
    assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Interrupted, 1, true));
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn silence_ends_with_the_calls_time() {
    let env = TestEnv::start().await;
    let (_function, proxy) = faulty(&env).await;
    proxy.script([Fault::Hang]);
    let time = Duration::from_millis(300);
    let model = plain(&env, &proxy).model("sentiment");
    let error = model.with(CallOptions::default().timeout(time)).predict::<TextClassification>(TEXT).await;
    let error = error.expect_err("silence");
    assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Timeout, 1, true));
    assert!(error.elapsed() >= time && error.elapsed() < MAX_WAIT / 4, "{:?}", error.elapsed());

    proxy.script([Fault::Hang]);
    let hurried = env
        .client_builder(proxy.endpoint())
        .sealing(Sealing::Off)
        .attempt_timeout(time)
        .build()
        .expect("enough is set");
    let answer: Answer<TextClassification> = hurried.model("sentiment").predict(TEXT).await.expect("an answer");
    assert_eq!((answer.attempts(), answer.prediction().label.as_str()), (2, "positive"));
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.start();
    let late = LateListener {
        key: env.key().expose().to_owned(),
        asked: AtomicU32::new(0),
        address: loopback::closed_address(),
        upstream: function.ready().await,
        opened: Arc::default(),
    };
    let opened = Arc::clone(&late.opened);
    let endpoint = format!("http://{}", late.address);
    let retry = RetryConfig::default().base(Duration::from_millis(1));
    let client = env
        .client_builder(endpoint)
        .sealing(Sealing::Off)
        .credentials(late)
        .retry(retry)
        .build()
        .expect("enough is set");
    // A refusal proves that nothing ran, so it needs no idempotency key.
    let blind = client.model("sentiment").with(CallOptions::default().without_idempotency_key());
    let answer: Answer<TextClassification> = blind.predict(TEXT).await.expect("an answer");
    assert_eq!((answer.attempts(), answer.prediction().label.as_str()), (3, "positive"));
    let proxy = opened.lock().expect("no panic").take().expect("it was opened");
    assert_eq!(proxy.requests().len(), 1);
}

/// Opens a server's port at the third attempt. The SDK asks for credentials before each.
struct LateListener {
    key: String,
    asked: AtomicU32,
    address: SocketAddr,
    upstream: SocketAddr,
    opened: Arc<Mutex<Option<Proxy>>>,
}

impl CredentialProvider for LateListener {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        Box::pin(async {
            if self.asked.fetch_add(1, Ordering::Relaxed) == 2 {
                let proxy = Proxy::at(self.address, self.upstream).await;
                *self.opened.lock().expect("no panic") = Some(proxy);
            }
            Ok(Authorization::bearer(&self.key)?)
        })
    }
}

#[tokio::test]
async fn what_nobody_answers_is_given_up_with_the_cause() {
    let env = TestEnv::start().await;
    let retry = RetryConfig::default().base(Duration::from_millis(1));
    let endpoint = format!("http://{}", loopback::closed_address());
    let client = env.client_builder(endpoint).retry(retry).build().expect("enough is set");
    let error = client.model("sentiment").predict::<TextClassification>(TEXT).await.expect_err("nobody is there");
    assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Connect, 3, true));
}

const LONGER_THAN_A_HEAD: usize = 2000;
