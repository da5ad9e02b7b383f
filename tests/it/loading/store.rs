//! Stores that are temporarily unavailable.

use amaas::{ApiKey, ErrorKind, RetryConfig};
use amaas_e2e::faults::{Fault, Proxy};
use amaas_e2e::{TestEnv, loopback};

use super::serves;

#[tokio::test]
async fn a_store_that_comes_late_is_waited_for() {
    let env = TestEnv::start().await;
    let address = loopback::closed_address();
    let function = env.sentiment().await.set("AWS_ENDPOINT_URL", format!("http://{address}")).start();
    let reason = function.not_ready(|reason| reason.contains("bucket amaas could not be reached")).await;
    assert!(reason.contains("models/sentiment/aliases/live") && reason.contains("Connection refused"), "{reason}");

    let _proxy = Proxy::at(address, env.objects().address()).await;
    function.ready().await;
    serves(&env.client(function.endpoint().await)).await;
}

#[tokio::test]
async fn a_call_waits_for_a_model_on_its_way() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.start();
    // No wait for readiness: the first call of a cold start is slow and not refused.
    let client = env.client_builder(function.endpoint().await).retry(RetryConfig::off()).build().expect("enough");
    serves(&client).await;
}

#[tokio::test]
async fn a_store_that_goes_takes_no_function_with_it() {
    let env = TestEnv::start().await;
    let proxy = Proxy::start(env.objects().address()).await;
    let function = env.sentiment().await.set("AWS_ENDPOINT_URL", proxy.endpoint()).start();
    function.ready().await;
    let client = env.client(function.endpoint().await);
    serves(&client).await;
    drop(proxy);

    serves(&client).await;
    assert!(function.readiness().await.ready);
    // Keys are in the ledger, which is still available.
    let unknown = ApiKey::generate("test").expect("the system gives randomness");
    let stranger = env.client_builder(function.endpoint().await).api_key(unknown).retry(RetryConfig::off()).build();
    let error = stranger.expect("enough is set").model("sentiment").predict::<()>("x").await.expect_err("unknown");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)), "{error}");
    serves(&client).await;
}

#[tokio::test]
async fn a_store_that_breaks_connections_is_asked_again() {
    let env = TestEnv::start().await;
    let proxy = Proxy::start(env.objects().address()).await;
    // The first is lost before an answer; the others in the middle of a blob, the largest of 640 kB.
    proxy.script([Fault::Reset(1), Fault::Cut(50_000), Fault::Cut(50_000), Fault::Cut(50_000)]);
    let function = env.sentiment().await.set("AWS_ENDPOINT_URL", proxy.endpoint()).start();
    function.ready().await;
    function.logs().containing("fetching a segment again").await;
    let attempts = function.logs().lines().iter().filter(|line| line.contains("could not be loaded")).count();
    assert_eq!(attempts, 0, "one segment is fetched again, not all of the model");
    serves(&env.client(function.endpoint().await)).await;
}

#[tokio::test]
async fn a_store_that_refuses_is_named() {
    let env = TestEnv::start().await;
    for (variable, value, cause) in [
        ("AWS_SECRET_ACCESS_KEY", "another", "bucket amaas refuses access to models/sentiment/aliases/live"),
        // This object store does not distinguish a missing bucket from a missing object.
        ("AMAAS_STORE", "s3://other", "bucket other has no object models/sentiment/aliases/live"),
    ] {
        let function = env.sentiment().await.set(variable, value).start();
        let reason = function.not_ready(|reason| reason.contains(cause)).await;
        let secret = &env.objects().endpoint().secret_access_key;
        assert!(!reason.contains(secret.as_str()) && !reason.contains("another"), "{reason}");
        let log = function.logs().lines().join("\n");
        assert!(!log.contains(secret.as_str()), "{log}");
    }
}
