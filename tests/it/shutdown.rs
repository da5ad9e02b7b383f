//! Functions that end while calls are in flight, by SIGTERM or by a kill.

use std::time::Duration;

use amaas::{CallOptions, Client, ErrorKind, InferAnswer, InferRequest, RetryConfig, Tensor};
use amaas_e2e::faults::Proxy;
use amaas_e2e::wait::{MAX_WAIT, until};
use amaas_e2e::{Function, ProcessBuilder, Program, TestEnv, onnx};
use amaas_wire::oip::InferResponse;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use reqwest::Response;
use tokio::join;

/// A function whose calls last as long as the client wants, and run one after another.
async fn slow_function(env: &TestEnv) -> ProcessBuilder {
    env.publish("count", onnx::count()).await;
    env.launch(Program::Tensor, "count").await
}

fn integer(name: &str, value: i64) -> Tensor {
    Tensor::new(name, vec![1], vec![value]).expect("one value")
}

fn counting(steps: i64, start: i64) -> Vec<Tensor> {
    vec![integer("steps", steps), integer("start", start)]
}

fn is_right(answer: &InferAnswer, steps: i64, start: i64) -> bool {
    answer.outputs() == [integer("total", steps + start)]
}

/// Clients that send once, and their answers.
struct CountingClients {
    http: reqwest::Client,
    url: String,
    key: String,
}

type PendingCall<'c> = BoxFuture<'c, (i64, CallOutcome)>;

/// The result of a call: `total` for its `start`, or its error.
enum CallOutcome {
    Answered(InferResponse),
    Refused(Response),
    Lost(reqwest::Error),
}

impl CountingClients {
    async fn of(env: &TestEnv, function: &Function) -> Self {
        let url = format!("{}/v2/models/count/infer", function.endpoint().await);
        Self { http: reqwest::Client::new(), url, key: env.key().expose().to_owned() }
    }

    async fn call(&self, steps: i64, start: i64) -> CallOutcome {
        let request = InferRequest { id: None, inputs: counting(steps, start), outputs: None };
        let request = self.http.post(&self.url).bearer_auth(&self.key).json(&request);
        match request.send().await {
            Ok(answer) if answer.status() == 200 => match answer.bytes().await {
                Ok(body) => CallOutcome::Answered(InferResponse::from_json(&body).expect("an answer of the protocol")),
                Err(error) => CallOutcome::Lost(error),
            },
            Ok(answer) => CallOutcome::Refused(answer),
            Err(error) => CallOutcome::Lost(error),
        }
    }

    /// Keeps three calls in flight until one of them is refused again and again. Of the other two, which are returned with the last
    /// refusal, one runs and one waits.
    async fn fill_queue(&self) -> (FuturesUnordered<PendingCall<'_>>, Response) {
        const LASTING: u32 = 5;
        let (mut steps, mut start, mut refused) = (FEW, 0, 0);
        let mut calls = FuturesUnordered::<PendingCall<'_>>::new();
        loop {
            while calls.len() < 3 {
                start += 1;
                let (steps, start) = (steps, start * APART);
                calls.push(async move { (steps + start, self.call(steps, start).await) }.boxed());
            }
            match calls.next().await {
                Some((_, CallOutcome::Refused(answer))) => {
                    assert_eq!(answer.status(), 503);
                    refused += 1;
                    if refused == LASTING {
                        return (calls, answer);
                    }
                    // An immediate retry would be refused before the other calls have moved.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                // On this machine the call ended before the queue was seen to be full.
                Some((total, CallOutcome::Answered(answer))) => {
                    assert_eq!(answer.outputs, [integer("total", total)]);
                    (steps, refused) = (steps * 2, 0);
                }
                Some((_, CallOutcome::Lost(error))) => panic!("a call was lost: {error}"),
                None => unreachable!("there are three calls"),
            }
        }
    }
}

async fn all_answered(mut calls: FuturesUnordered<PendingCall<'_>>) {
    while let Some((total, call)) = calls.next().await {
        match call {
            CallOutcome::Answered(answer) => assert_eq!(answer.outputs, [integer("total", total)]),
            CallOutcome::Refused(answer) => panic!("a call that was taken was refused: {}", answer.status()),
            CallOutcome::Lost(error) => panic!("a call that was taken was lost: {error:?}"),
        }
    }
}

/// A client that retries for as long as a function may need to restart.
fn retrying_client(env: &TestEnv, endpoint: String) -> Client {
    let retry = RetryConfig::default().max_retries(1000).cap(Duration::from_millis(200)).budget(1_000_000);
    env.client_builder(endpoint).retry(retry).timeout(MAX_WAIT).build().expect("enough is set")
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_with_retry_after() {
    let env = TestEnv::start().await;
    let function = slow_function(&env).await.set("AMAAS_QUEUE_ROWS", "1").start();
    let callers = CountingClients::of(&env, &function).await;
    let (calls, refused) = callers.fill_queue().await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.headers().contains_key("amaas-not-processed"));
    let text = refused.text().await.expect("a body");
    assert_eq!(text, r#"{"error":"the model is at its capacity; try again later"}"#);
    all_answered(calls).await;
}

#[tokio::test]
async fn a_stopping_function_answers_accepted_calls() {
    let env = TestEnv::start().await;
    let mut function = slow_function(&env).await.set("AMAAS_QUEUE_ROWS", "1").start();
    let callers = CountingClients::of(&env, &function).await;
    let (calls, _) = callers.fill_queue().await;
    function.terminate();
    let refused = until("new calls are refused", async || {
        // On a connection of its own: the calls' connections are busy until they are answered.
        match CountingClients::of(&env, &function).await.call(1, 0).await {
            CallOutcome::Refused(answer) => {
                assert!(answer.headers().contains_key("amaas-not-processed"));
                answer.text().await.is_ok_and(|text| text.contains("the function is stopping"))
            }
            CallOutcome::Lost(error) => error.is_connect(),
            CallOutcome::Answered(_) => false,
        }
    });
    join!(all_answered(calls), refused);
    assert_eq!(function.exit().await.code(), Some(0));
}

#[tokio::test]
async fn calls_survive_a_killed_function() {
    let env = TestEnv::start().await;
    let launch = slow_function(&env).await;
    let mut function = launch.start();
    let proxy = Proxy::start(function.ready().await).await;
    let client = &retrying_client(&env, proxy.endpoint());
    let mut steps = FEW;
    // If all calls ended before the function did, longer ones are needed.
    while killed_during_calls(&launch, &mut function, &proxy, client, steps).await == 0 {
        steps *= 2;
    }
}

/// Makes calls and replaces the function while they are in flight; returns the number of retried calls.
async fn killed_during_calls(
    launch: &ProcessBuilder,
    function: &mut Function,
    proxy: &Proxy,
    client: &Client,
    steps: i64,
) -> usize {
    let call = async |start| (start, client.model("count").infer(counting(steps, start)).await);
    let mut calls: FuturesUnordered<_> = (0..6).map(call).collect();
    let mut attempts = Vec::new();
    while let Some((start, answer)) = calls.next().await {
        let answer = answer.expect("an answer, from whichever function");
        assert!(is_right(&answer, steps, start));
        if attempts.is_empty() {
            // Calls run one after another, so the others are in flight now.
            function.kill().await;
            *function = launch.start();
            proxy.redirect(function.ready().await);
        }
        attempts.push(answer.attempts());
    }
    assert_eq!(attempts.len(), 6);
    attempts.into_iter().filter(|attempts| *attempts > 1).count()
}

/// Steps that take some hundredths of a second.
const FEW: i64 = 200_000;
/// Far enough apart that no two calls have the same total.
const APART: i64 = 1 << 40;

#[tokio::test]
async fn a_run_without_a_client_is_cancelled() {
    let env = TestEnv::start().await;
    let function = slow_function(&env).await.start();
    function.ready().await;
    let client = env.client_builder(function.endpoint().await).retry(RetryConfig::off()).build().expect("enough");
    let model = client.model("count");
    // The most steps would take a thousand years.
    let hurried = model.with(CallOptions::default().timeout(Duration::from_millis(300)));
    let error = hurried.infer(counting(i64::MAX / 2, 0)).await.expect_err("it gave up");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(is_right(&model.infer(counting(3, 4)).await.expect("the thread is free again"), 3, 4));
}
