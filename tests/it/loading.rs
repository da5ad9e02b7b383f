//! Models that cannot be loaded, and stores that are temporarily unavailable.

mod broken;
mod mended;
mod prepared;
mod providers;
mod store;
mod untrusted;

use amaas::task::TextClassification;
use amaas::{Answer, Client, Readiness};
use amaas_e2e::TestEnv;

/// Asserts that the model answers correctly.
async fn serves(client: &Client) {
    let answer: Answer<TextClassification> =
        client.model("sentiment").predict("a wonderful film").await.expect("an answer");
    assert_eq!(answer.prediction().label, "positive");
}

#[tokio::test]
async fn a_model_that_is_loaded_says_what_it_is() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.start();
    function.ready().await;
    let client = env.client(function.endpoint().await);
    let model = client.model("sentiment");
    assert!(matches!(
        model.ready().await.expect("an answer"),
        Readiness::Ready { execution_provider: Some(provider), .. } if provider == "cpu"
    ));
    assert!(model.clone().version("1").ready().await.expect("an answer").is_ready());
    assert_eq!(function.readiness().await.name, None);

    let metadata = model.metadata().await.expect("an answer");
    assert_eq!((metadata.name.as_str(), metadata.platform.as_str()), ("sentiment", "onnxruntime_onnx"));
    assert_eq!(metadata.versions, ["1"]);
    let tensors = [&metadata.inputs[..], &metadata.outputs[..]].concat();
    let tensors: Vec<_> =
        tensors.iter().map(|it| (it.name.as_str(), it.datatype.name(), it.shape.as_slice())).collect();
    assert_eq!(tensors, [("input_ids", "INT64", &[-1, 256][..]), ("probability", "FP32", &[-1, 1])]);
    assert_eq!(model.version("1").metadata().await.expect("an answer"), metadata);

    let server = client.server().await.expect("an answer");
    assert_eq!(server.name, "amaas");
    let models = client.models().await.expect("an answer");
    let entry = &models.data[0];
    assert_eq!((models.data.len(), entry.id.as_str(), entry.task.as_str()), (1, "sentiment", "sentiment"));
    assert_eq!((entry.version.as_str(), entry.ready), ("1", true));
}
