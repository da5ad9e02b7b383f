//! Behaviour specific to Lambda.

use amaas::task::TextClassification;
use amaas::{Answer, CallOptions, Datatype, ErrorKind, RetryConfig};
use amaas_e2e::cargo_lambda::CargoLambda;
use amaas_e2e::lambda::{Lambda, environment};
use amaas_e2e::{Program, TestEnv, onnx, skip};
use amaas_model::publish::BlobProtection;
use amaas_serve::sealing::KeySet;
use futures_util::future::join_all;
use serde_json::Value;

use crate::golden::golden_cases_hold;

#[tokio::test]
async fn one_environment_takes_one_invocation_at_a_time() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await).await;
    calls_at_once(&env, &lambda).await;
    assert_eq!(lambda.most_at_once(), 1);
    assert_eq!(lambda.extensions(), ["_lambda-rust-runtime-no-op-graceful-shutdown-helper"]);
}

#[tokio::test]
async fn an_environment_that_may_takes_many_at_once() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await.set("AWS_LAMBDA_MAX_CONCURRENCY", "4")).await;
    calls_at_once(&env, &lambda).await;
    assert!((2..=4).contains(&lambda.most_at_once()), "{}", lambda.most_at_once());
}

async fn calls_at_once(env: &TestEnv, lambda: &Lambda) {
    let client = env.client(lambda.url());
    let model = client.model("sentiment");
    let text = "a wonderful film ".repeat(5000);
    let call = async |_| {
        let answer: Answer<TextClassification> = model.predict(&text).await.expect("an answer");
        assert_eq!((answer.prediction().label.as_str(), answer.attempts()), ("positive", 1));
    };
    join_all((0..20).map(call)).await;
}

#[tokio::test]
async fn refusals_come_through_as_they_are() {
    let env = TestEnv::start().await;
    for mode in ["buffered", "stream"] {
        let launch = env.sentiment().await.set("AMAAS_RESPONSE_MODE", mode).set("AMAAS_MAX_BODY_BYTES", "10000");
        let lambda = Lambda::start(launch).await;
        let client = env.client(lambda.url());
        let model = client.model("sentiment").with(CallOptions::default().request_id("request-4711"));
        let error = model.predict::<Value>(&4711).await.expect_err("no text");
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Some(400)), "{mode}: {error}");
        assert_eq!(error.problem().map(|problem| problem.kind.as_str()), Some("urn:amaas:problem:malformed-body"));
        assert_eq!(error.request_id(), Some("request-4711"));
        let error = model.predict::<Value>(&"x".repeat(10_000)).await.expect_err("too large");
        assert_eq!((error.kind(), error.status()), (ErrorKind::TooLarge, Some(413)), "{mode}: {error}");
        let error = client.model("other").infer(Vec::new()).await.expect_err("no such model");
        assert_eq!((error.kind(), error.status()), (ErrorKind::NotFound, Some(404)), "{mode}: {error}");
        assert_eq!(error.detail(), Some("unknown model \"other\""));
    }
}

/// Lambda's own log lines have the id of an invocation, so it is the request id unless the client sets one.
#[tokio::test]
async fn requests_without_an_id_get_lambdas() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await).await;
    let answer = reqwest::get(format!("{}/v2/health/ready", lambda.url())).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
    lambda.function().logs().containing(&id).await;
}

#[tokio::test]
async fn an_answer_that_lambda_cannot_carry_is_refused_with_the_remedy() {
    let env = TestEnv::start().await;
    env.publish("identity", onnx::identity(&[Datatype::Fp64])).await;
    // Each value has two bytes in the request, within Lambda's limit, and four in the answer, above it.
    let values = "1,".repeat(4096 * 512 - 1);
    let input = format!(r#"{{"name":"FP64","datatype":"FP64","shape":[4096,512],"data":[{values}1]}}"#);
    let call = async |lambda: &Lambda| {
        let request = reqwest::Client::new().post(format!("{}/v2/models/identity/infer", lambda.url()));
        let request = request.bearer_auth(env.key().expose()).header("content-type", "application/json");
        let answer = request.body(format!(r#"{{"inputs":[{input}]}}"#)).send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a body"))
    };
    let lambda = Lambda::start(env.launch(Program::Tensor, "identity").await).await;
    let (status, text) = call(&lambda).await;
    assert_eq!(status, 422, "{text}");
    assert!(text.starts_with(r#"{"error":""#) && text.contains("send fewer rows a call"), "{text}");

    let launch = env.launch(Program::Tensor, "identity").await.set("AMAAS_RESPONSE_MODE", "stream");
    let lambda = Lambda::start(launch).await;
    let (status, text) = call(&lambda).await;
    assert_eq!((status.as_u16(), text.matches("1.0").count()), (200, 4096 * 512), "a stream has no such limit");
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_is_told_to_callers() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await.set("AMAAS_MODEL_VERSION", "9")).await;
    let client = env.client_builder(lambda.url()).retry(RetryConfig::off()).build().expect("enough is set");
    let error = client.model("sentiment").predict::<Value>("x").await.expect_err("there is no version 9");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Some(503)), "{error}");
    assert!(error.detail().is_some_and(|detail| detail.contains("models/sentiment/9/manifest.json")), "{error}");
}

#[tokio::test]
async fn golden_cases_hold_under_cargo_lambda() {
    let lambda = match CargoLambda::start().await {
        Ok(lambda) => lambda,
        Err(cause) => return skip(&cause),
    };
    let env = TestEnv::start().await;
    let function = environment(env.sentiment().await, lambda.runtime_api(Program::Sentiment)).start();
    function.logs().message("loaded").await;
    golden_cases_hold(&env.client(lambda.url(Program::Sentiment)).model("sentiment")).await;
}

#[tokio::test]
async fn a_model_that_is_published_later_is_loaded_by_a_call() {
    let env = TestEnv::start().await;
    let BlobProtection::Sealed(vault) = &env.publisher().protection else { panic!("the environment seals") };
    KeySet::create(&env.store().await, &"late".parse().expect("a name"), vault).await.expect("made");
    let lambda = Lambda::start(env.launch(Program::Tensor, "late").await).await;
    let client = env.client_builder(lambda.url()).retry(RetryConfig::off()).build().expect("enough");
    let error = client.model("late").metadata().await.expect_err("it was not published yet");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Some(503)));
    assert!(error.detail().is_some_and(|detail| detail.contains("models/late/aliases/live")), "{error}");

    env.publish("late", onnx::plus_one()).await;
    assert_eq!(client.model("late").metadata().await.expect("the call had it loaded").versions, ["1"]);
}
