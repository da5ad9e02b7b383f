//! Calls over a scripted transport, on a paused clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amaas_ohttp::bhttp::{MessageEncoding, Response, ResponseHead};
use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{KeyRing, PrivateKey, Suite, chunked};
use amaas_wire::keys::Audience;

use amaas_wire::predict::IDEMPOTENCY_KEY;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::CallContext;
use super::pending::Call;
use crate::completed::CompletedCall;
use crate::credentials::{Authorization, AuthorizationFuture, ClientCredentials, CredentialProvider};
use crate::encode::EncodedPayload;
use crate::error::{Error, ErrorKind};
use crate::options::{CallOptions, IdempotencyMode};
use crate::retry::{RetryConfig, RetryPolicy};
use crate::seal::{CallSealer, KeyRequirements, KeySource};
use crate::transport::{OutgoingRequest, ReceivedResponse, Transport, TransportError, TransportFuture};

/// The reaction of the transport to one attempt.
#[derive(Clone)]
enum Step {
    Answer(u16, &'static [(&'static str, &'static str)]),
    NotSent,
    Lost,
    Hang,
    TooLarge,
}
use Step::{Answer, Hang, Lost, NotSent, TooLarge};

/// Plays steps, repeats the last one, and records requests and their times.
#[derive(Clone)]
struct Scripted {
    steps: Arc<Mutex<VecDeque<Step>>>,
    sent: Arc<Mutex<Vec<(Instant, OutgoingRequest)>>>,
}

impl Scripted {
    fn new(steps: &[Step]) -> Self {
        Self { steps: Arc::new(Mutex::new(steps.iter().cloned().collect())), sent: Arc::default() }
    }

    fn sent(&self) -> Vec<OutgoingRequest> {
        self.sent.lock().expect("no panic").iter().map(|(_, request)| request.clone()).collect()
    }

    fn waits(&self) -> Vec<Duration> {
        let sent = self.sent.lock().expect("no panic");
        sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
    }

    fn caller(&self, random: fn() -> f64) -> CallContext {
        CallContext {
            transport: Arc::new(self.clone()),
            seal: None,
            signers: None,
            credentials: ClientCredentials::Provider(Arc::new(Numbered::default())),
            retry: RetryPolicy::new(RetryConfig::default(), random),
            timeout: Duration::from_mins(1),
            attempt_timeout: Duration::from_secs(20),
            max_answer: 1 << 20,
        }
    }

    /// A context that seals; `answers` decides whether the script's answers are sealed too.
    fn sealing(&self, answers: Answers) -> CallContext {
        let ring = KeyRing::new(vec![PrivateKey::derive(1, Suite::X25519, &[1; 32])]).expect("one key");
        let function = Function { script: self.clone(), ring, answers };
        let seal = Some(CallSealer::new(KeyRequirements::default()));
        CallContext { transport: Arc::new(function), seal, ..self.caller(|| 1.0) }
    }

    async fn call(&self, options: &CallOptions) -> Result<CompletedCall, Error> {
        post(options).send(&self.caller(|| 1.0)).await
    }
}

impl Transport for Scripted {
    fn send(&self, request: OutgoingRequest) -> TransportFuture<'_> {
        self.sent.lock().expect("no panic").push((Instant::now(), request));
        let mut steps = self.steps.lock().expect("no panic");
        let step = if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() };
        Box::pin(async move {
            match step.expect("a step") {
                Answer(status, headers) => {
                    let headers = headers.iter().map(|(name, value)| {
                        (name.parse().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
                    });
                    Ok(ReceivedResponse { status, headers: headers.collect(), body: bytes::Bytes::new() })
                }
                NotSent => Err(TransportError::NotSent("refused".into())),
                Lost => Err(TransportError::Lost("reset".into())),
                Hang => std::future::pending().await,
                TooLarge => Err(TransportError::TooLarge { status: 200, limit: 1 }),
            }
        })
    }
}

/// Whether the script's answers are inside the seal.
#[derive(Clone, Copy, Debug)]
enum Answers {
    Inside,
    Outside,
}

/// A function with keys, which plays a script behind its seal.
struct Function {
    script: Scripted,
    ring: KeyRing,
    answers: Answers,
}

impl Transport for Function {
    fn send(&self, request: OutgoingRequest) -> TransportFuture<'_> {
        Box::pin(async move {
            if request.url.path().ends_with("/keys") {
                assert!(!request.headers.contains_key(AUTHORIZATION) && request.method == Method::GET);
                let list = KeyList::new(self.ring.public_keys()).expect("one key").encode().into();
                return Ok(ReceivedResponse { status: 200, headers: HeaderMap::new(), body: list });
            }
            let opened = chunked::open_request(&self.ring, &request.body).expect("sealed to the key");
            let received = self.script.send(request).await?;
            if matches!(self.answers, Answers::Outside) {
                return Ok(received);
            }
            let mut head = ResponseHead::new(received.status).expect("a status");
            for (name, value) in &received.headers {
                head.headers.push(name.as_str(), value.as_bytes()).expect("a field");
            }
            let message = Response::new(head, received.body.to_vec()).encode(MessageEncoding::default());
            let body = opened.response.seal(&message).expect("sealed").into();
            let media_type = (CONTENT_TYPE, HeaderValue::from_static(chunked::RESPONSE_MEDIA_TYPE));
            Ok(ReceivedResponse { status: 200, headers: HeaderMap::from_iter([media_type]), body })
        })
    }
}

/// Returns another token each time.
#[derive(Default)]
struct Numbered(AtomicU32);

impl CredentialProvider for Numbered {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { Ok(Authorization::bearer(&format!("token-{number}"))?) })
    }
}

fn post(options: &CallOptions) -> Call {
    let url = "https://models.example.com/v1/models/m/predict".parse().expect("a URL");
    Call::post(url, keys(), EncodedPayload { bytes: "{}".into(), header_length: None }, options)
        .expect("options that can be sent")
}

fn keys() -> KeySource {
    let url = "https://models.example.com/v1/models/m/keys".parse().expect("a URL");
    KeySource { url, audience: Audience::of_model("m"), base: 0 }
}

fn blind() -> CallOptions {
    CallOptions::default().without_idempotency_key()
}

const REFUSED: &[(&str, &str)] = &[("amaas-not-processed", "true")];

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_and_how_often() {
    // Attempts of a call with an idempotency key, and of one without.
    for (step, keyed, unkeyed, kind) in [
        (NotSent, 3, 3, ErrorKind::Connect),
        (Lost, 3, 1, ErrorKind::Interrupted),
        (TooLarge, 1, 1, ErrorKind::TooLarge),
        (Answer(302, &[]), 1, 1, ErrorKind::Protocol),
        (Answer(400, &[]), 1, 1, ErrorKind::InvalidInput),
        // Once more, with other credentials.
        (Answer(401, &[]), 2, 2, ErrorKind::Unauthorized),
        (Answer(402, &[]), 1, 1, ErrorKind::Budget),
        (Answer(402, REFUSED), 1, 1, ErrorKind::Budget),
        (Answer(403, &[]), 1, 1, ErrorKind::Forbidden),
        (Answer(404, &[]), 1, 1, ErrorKind::NotFound),
        (Answer(408, &[]), 3, 3, ErrorKind::Timeout),
        (Answer(409, &[]), 1, 1, ErrorKind::InvalidInput),
        (Answer(409, REFUSED), 3, 3, ErrorKind::InvalidInput),
        (Answer(413, &[]), 1, 1, ErrorKind::TooLarge),
        (Answer(422, &[]), 1, 1, ErrorKind::InvalidInput),
        (Answer(429, &[]), 3, 3, ErrorKind::RateLimited),
        (Answer(500, &[]), 1, 1, ErrorKind::Server),
        (Answer(500, REFUSED), 3, 3, ErrorKind::Server),
        (Answer(501, &[]), 1, 1, ErrorKind::Server),
        (Answer(502, &[]), 3, 1, ErrorKind::Unavailable),
        (Answer(502, REFUSED), 3, 3, ErrorKind::Unavailable),
        (Answer(503, &[]), 3, 3, ErrorKind::Unavailable),
        (Answer(504, &[]), 3, 1, ErrorKind::Unavailable),
    ] {
        for (options, usual) in [(CallOptions::default(), keyed), (blind(), unkeyed)] {
            for sealed in [None, Some(Answers::Inside), Some(Answers::Outside)] {
                // An answer outside the seal can be a gateway's, after which a call without a key is not sent again.
                let expected = match step {
                    Answer(status, _) if matches!(sealed, Some(Answers::Outside)) => {
                        let is_keyed = !matches!(options.idempotency, IdempotencyMode::Off);
                        if is_keyed && matches!(status, 408 | 429 | 502..=504) { 3 } else { 1 }
                    }
                    _ => usual,
                };
                let transport = Scripted::new(std::slice::from_ref(&step));
                let caller = sealed.map_or_else(|| transport.caller(|| 1.0), |answers| transport.sealing(answers));
                let error = post(&options).send(&caller).await.expect_err("every attempt fails");
                assert_eq!((error.kind(), error.attempts()), (kind, expected), "{sealed:?}: {error}");
                assert_eq!(transport.sent().len(), usize::try_from(expected).expect("few"), "{sealed:?}: {error}");
                let outside = matches!(sealed, Some(Answers::Outside)) && error.status().is_some();
                assert!(matches!(step, TooLarge) || error.is_unsealed() == outside, "{sealed:?}: {error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_outside_the_seal_is_never_an_answer() {
    for status in [200, 201, 204, 299] {
        let transport = Scripted::new(&[Answer(status, &[])]);
        let error = post(&CallOptions::default()).send(&transport.sealing(Answers::Outside)).await.expect_err("plain");
        assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::NotSealed, Some(status), 1));
        let transport = Scripted::new(&[Answer(status, &[])]);
        assert!(post(&CallOptions::default()).send(&transport.sealing(Answers::Inside)).await.is_ok());
    }
    // An answer with the media type of a sealed one that is not sealed is damaged; the call may have been answered.
    let fake: &[_] = &[("content-type", chunked::RESPONSE_MEDIA_TYPE)];
    for (options, attempts) in [(CallOptions::default(), 3), (blind(), 1)] {
        let transport = Scripted::new(&[Answer(200, fake)]);
        let error = post(&options).send(&transport.sealing(Answers::Outside)).await.expect_err("not sealed");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Damaged, attempts));
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_sealed_anew() {
    let transport = Scripted::new(&[Answer(503, &[]), Answer(503, &[]), Answer(200, &[])]);
    let completed = post(&CallOptions::default()).send(&transport.sealing(Answers::Inside)).await.expect("an answer");
    assert_eq!(completed.trace.attempts, 3);
    let sent = transport.sent();
    for (index, request) in sent.iter().enumerate() {
        assert_eq!(request.method, Method::POST);
        assert!(!request.headers.contains_key(AUTHORIZATION) && !request.headers.contains_key(IDEMPOTENCY_KEY));
        assert!(sent[..index].iter().all(|earlier| earlier.body[7..39] != request.body[7..39]), "one ephemeral key");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_tried_again_only_with_a_key() {
    let transport = Scripted::new(&[Hang, Answer(200, &[])]);
    let completed = transport.call(&CallOptions::default()).await.expect("the second attempt answers");
    assert_eq!(completed.trace.attempts, 2);
    assert_eq!(completed.trace.elapsed, Duration::from_millis(20_200));

    let error = Scripted::new(&[Hang]).call(&blind()).await.expect_err("one attempt");
    assert_eq!((error.kind(), error.attempts(), error.elapsed()), (ErrorKind::Timeout, 1, Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_built_anew_around_one_key() {
    let transport = Scripted::new(&[Answer(503, &[]), NotSent, Answer(200, &[("x-request-id", "theirs")])]);
    let completed = transport.call(&CallOptions::default()).await.expect("the third attempt answers");
    assert_eq!((completed.trace.attempts, completed.trace.request_id.as_str()), (3, "theirs"));

    let sent = transport.sent();
    let values = |name: &str| -> Vec<String> {
        sent.iter().map(|request| request.headers[name].to_str().expect("text").to_owned()).collect()
    };
    assert_eq!(values("authorization"), ["Bearer token-0", "Bearer token-1", "Bearer token-2"]);
    let keys = values(IDEMPOTENCY_KEY);
    assert_eq!(keys[0].len(), 32);
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert!(sent.iter().all(|request| request.body == "{}"));

    let other = Scripted::new(&[Answer(200, &[])]);
    other.call(&CallOptions::default()).await.expect("an answer");
    assert_ne!(other.sent()[0].headers[IDEMPOTENCY_KEY], *keys[0], "another call has another key");
}

#[tokio::test(start_paused = true)]
async fn waits_double_and_add_to_retry_after() {
    let transport = Scripted::new(&[Answer(503, &[]), Answer(503, &[("retry-after", "3")]), Answer(200, &[])]);
    transport.call(&CallOptions::default()).await.expect("the third attempt answers");
    assert_eq!(transport.waits(), [Duration::from_millis(200), Duration::from_millis(3400)]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_deadline_ends_the_call_at_once() {
    for header in [("retry-after", "61"), ("retry-after", "Tue, 31 Dec 2999 23:59:59 GMT")] {
        let headers: &'static [_] = Box::leak(Box::new([header]));
        let error = Scripted::new(&[Answer(503, headers)]).call(&CallOptions::default()).await.expect_err("no time");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, 1));
        assert_eq!(error.elapsed(), Duration::ZERO);
        assert!(error.retry_after().is_some_and(|after| after > Duration::from_mins(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_an_attempt_and_keeps_what_came_before() {
    let transport = Scripted::new(&[Answer(503, &[]), Hang]);
    let options = CallOptions::default().timeout(Duration::from_secs(5)).request_id("ours");
    let error = transport.call(&options).await.expect_err("no time");
    assert_eq!((error.kind(), error.attempts(), error.elapsed()), (ErrorKind::Timeout, 2, Duration::from_secs(5)));
    assert_eq!(error.request_id(), Some("ours"));
    assert!(std::error::Error::source(&error).expect("the attempt before").to_string().contains("503"));
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_client_share_the_budget() {
    let transport = Scripted::new(&[NotSent]);
    let caller = transport.caller(|| 0.0);
    for _ in 0..50 {
        let error = post(&CallOptions::default()).send(&caller).await.expect_err("no connection");
        assert_eq!(error.attempts(), 3);
    }
    let error = post(&CallOptions::default()).send(&caller).await.expect_err("no connection");
    assert_eq!(error.attempts(), 1, "500 tokens pay for 100 retries");
}

#[tokio::test]
async fn ids_that_would_break_a_header_are_refused_before_sending() {
    let url: Url = "https://models.example.com".parse().expect("a URL");
    for text in ["", "a b", "a\nb", "ä", &"x".repeat(256)] {
        for options in [CallOptions::default().idempotency_key(text), CallOptions::default().request_id(text)] {
            let error = Call::post(url.clone(), keys(), EncodedPayload::default(), &options).err().expect("no header");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}

/// Answers calls with one token, and refuses all others.
struct Takes(&'static str);

impl Transport for Takes {
    fn send(&self, request: OutgoingRequest) -> TransportFuture<'_> {
        let status = if request.headers[AUTHORIZATION] == self.0 { 200 } else { 401 };
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(ReceivedResponse { status, headers: HeaderMap::new(), body: bytes::Bytes::new() })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_refused_together_ask_for_one_token() {
    let asked = Arc::new(Numbered::default());
    let cached = crate::CachedCredentials::new(Shared(Arc::clone(&asked)));
    let caller = CallContext {
        transport: Arc::new(Takes("Bearer token-1")),
        credentials: ClientCredentials::Provider(Arc::new(cached)),
        ..Scripted::new(&[]).caller(|| 0.0)
    };
    let caller = Arc::new(caller);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..64 {
        let caller = Arc::clone(&caller);
        calls.spawn(async move {
            // Some find the first token refused already.
            tokio::time::sleep(Duration::from_millis(number % 16)).await;
            post(&CallOptions::default()).send(&caller).await.map(|completed| completed.trace.attempts)
        });
    }
    while let Some(attempts) = calls.join_next().await {
        assert!(attempts.expect("no panic").expect("an answer") <= 2);
    }
    assert_eq!(asked.0.load(Ordering::Relaxed), 2);
}

struct Shared(Arc<Numbered>);

impl CredentialProvider for Shared {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        self.0.authorization()
    }
}
