//! The other functions, each as its own program: another family of networks, another kind of input.

use amaas::task::{DigitClassification, Image, RankedClassification};
use amaas_e2e::{Program, TestEnv};
use amaas_engine::Batching;
use amaas_model::manifest::GoldenCases;
use amaas_model::task::{RowTask, Rows, Tasks};
use amaas_store::live;

#[tokio::test]
async fn a_recurrent_network_takes_names() {
    let env = TestEnv::start().await;
    let bundle = amaas_names::bundle(live()).expect("the committed model is whole");
    let golden = bundle.golden.clone().expect("it has golden cases");
    let manifest = env.publish_with(bundle, &Tasks::default().with::<Rows<amaas_names::Names>>()).await;
    assert_eq!(manifest.batching, Batching::Rows, "rows of other callers change nothing");

    let function = env.launch(Program::Names, "names").await.set("AMAAS_SEALING", "required").start();
    let model = env.client(function.endpoint().await).model("names");
    golden_cases_hold(&model, golden).await;
    let answer = model.predict::<RankedClassification>("Yamamoto").await.expect("an answer");
    assert_eq!((answer.prediction().label.as_str(), answer.prediction().top.len()), ("Japanese", 5));
}

#[tokio::test]
async fn a_convolutional_network_takes_images() {
    let env = TestEnv::start().await;
    let bundle = amaas_digits::bundle(live()).expect("the committed model is whole");
    let golden = bundle.golden.clone().expect("it has golden cases");
    let manifest = env.publish_with(bundle, &Tasks::default().with::<Rows<amaas_digits::Digits>>()).await;
    assert_eq!(manifest.batching, Batching::Rows, "rows of other callers change nothing");

    let function = env.launch(Program::Digits, "digits").await.set("AMAAS_SEALING", "required").start();
    let model = env.client(function.endpoint().await).model("digits");
    golden_cases_hold(&model, golden).await;
    let seven: Image = serde_json::from_str(amaas_digits::Digits::EXAMPLE).expect("an image");
    let answer = model.predict::<DigitClassification>(&seven).await.expect("an answer");
    assert_eq!(answer.prediction().digit, 7);
}

async fn golden_cases_hold(model: &amaas::Model, golden: GoldenCases) {
    assert!(golden.cases.len() >= 20);
    for (index, case) in golden.cases.into_iter().enumerate() {
        let answer = model.infer(case.inputs).await.expect("an answer");
        for expected in case.outputs {
            let got = answer.outputs().iter().find(|tensor| tensor.name() == expected.name()).expect("the output");
            let (got, expected) = (got.data().as_f32().expect("FP32"), expected.data().as_f32().expect("FP32"));
            assert_eq!(got.len(), expected.len());
            for (got, expected) in got.iter().zip(expected) {
                assert!(f64::from((got - expected).abs()) <= golden.atol, "case {index}: {got} for {expected}");
            }
        }
    }
}
