//! The sentiment model gives the answers of an independent program, on every host.

use amaas::task::TextClassification;
use amaas::{Answer, Model};
use amaas_e2e::TestEnv;
use amaas_e2e::cases::{self, TOLERANCE};
use amaas_e2e::lambda::Lambda;

#[tokio::test]
async fn golden_cases_hold_over_http() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.start();
    golden_cases_hold(&env.client(function.endpoint().await).model("sentiment")).await;
}

#[tokio::test]
async fn golden_cases_hold_under_lambda() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await).await;
    golden_cases_hold(&env.client(lambda.url()).model("sentiment")).await;
    // And the keys, once.
    assert_eq!(lambda.answers(), (65, 0));
}

#[tokio::test]
async fn golden_cases_hold_under_lambda_as_a_stream() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await.set("AMAAS_RESPONSE_MODE", "stream")).await;
    golden_cases_hold(&env.client(lambda.url()).model("sentiment")).await;
    assert_eq!(lambda.answers(), (0, 65));
}

#[tokio::test]
async fn texts_are_judged_as_keras_reads_them() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.start();
    texts_are_judged(&env.client(function.endpoint().await).model("sentiment")).await;
}

pub(crate) async fn golden_cases_hold(model: &Model) {
    let cases = cases::golden();
    assert_eq!(cases.len(), 64);
    for (index, case) in cases.into_iter().enumerate() {
        let answer = model.infer(case.inputs).await.expect("an answer");
        assert_eq!(answer.attempts(), 1);
        let probability = |tensors: &[amaas::Tensor]| {
            tensors.iter().find(|tensor| tensor.name() == "probability")?.data().as_f32()?.first().copied()
        };
        let expected = probability(&case.outputs).expect("an FP32 tensor");
        let got = probability(answer.outputs()).expect("an FP32 tensor");
        assert!((f64::from(got) - f64::from(expected)).abs() <= TOLERANCE, "case {index}: {got} for {expected}");
    }
}

async fn texts_are_judged(model: &Model) {
    let cases = cases::texts();
    assert!(cases.len() >= 40);
    for case in cases {
        let answer: Answer<TextClassification> = model.predict(&case.text).await.expect("an answer");
        let got = answer.prediction();
        let positive = f64::from(got.probabilities["positive"]);
        assert!((positive - case.positive).abs() <= TOLERANCE, "{}: {positive} for {}", case.name, case.positive);
        assert_eq!(got.label, if case.positive > 0.5 { "positive" } else { "negative" }, "{}", case.name);
    }
}
