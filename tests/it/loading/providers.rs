//! Execution providers, with an ONNX Runtime build that has only the CPU's.

use amaas_e2e::TestEnv;

use super::serves;

#[tokio::test]
async fn what_was_asked_for_and_cannot_be_had_is_an_error() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.set("AMAAS_EXECUTION_PROVIDERS", "cuda").start();
    let reason = function.not_ready(|reason| reason.contains("cuda")).await;
    assert!(
        reason.contains("execution provider cuda is unavailable: CUDA execution provider is not enabled"),
        "{reason}"
    );
    assert!(reason.contains("add \",cpu\" after it"), "{reason}");
}

#[tokio::test]
async fn with_cpu_behind_it_the_cause_is_a_warning() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.set("AMAAS_EXECUTION_PROVIDERS", "tensorrt,cuda,cpu").start();
    function.ready().await;
    serves(&env.client(function.endpoint().await)).await;
    let url = format!("{}/v2/models/sentiment/ready", function.endpoint().await);
    let answer = reqwest::get(url).await.expect("an answer").bytes().await.expect("a body");
    let answer: amaas_wire::oip::ReadyState = serde_json::from_slice(&answer).expect("readiness");
    assert_eq!((answer.ready, answer.execution_provider.as_deref()), (true, Some("cpu")));
    assert!(answer.reason.expect("a warning").contains("execution provider tensorrt is unavailable: TensorRT"));
}
