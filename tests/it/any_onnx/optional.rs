//! Optional inputs, for which the network has default values.

use amaas::{ErrorKind, Tensor};
use amaas_e2e::{TestEnv, onnx};
use amaas_engine::Batching;
use futures_util::future::join_all;

use super::{floats, serve};

#[tokio::test]
async fn an_input_with_a_value_of_its_own_may_be_left_out() {
    let env = TestEnv::start().await;
    let manifest = env.publish("biased", onnx::biased()).await;
    let inputs: Vec<_> = manifest.inputs.iter().map(|input| (input.name.as_str(), input.optional)).collect();
    assert_eq!((inputs, manifest.batching), (vec![("x", false), ("bias", true)], Batching::None));
    let (function, client) = serve(&env, "biased").await;
    let model = client.model("biased");
    let (x, bias) = (floats("x", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), floats("bias", &[2], &[10.0, 20.0]));
    for (inputs, expected) in [
        (vec![x.clone()], [1.5, 2.25, 3.5, 4.25]),
        (vec![bias.clone(), x.clone()], [11.0, 22.0, 13.0, 24.0]),
        // One call's value is not kept for the next.
        (vec![x.clone()], [1.5, 2.25, 3.5, 4.25]),
    ] {
        let answer = model.infer(inputs).await.expect("an answer");
        assert_eq!(answer.outputs(), [floats("y", &[2, 2], &expected)]);
    }
    for (inputs, expected) in [
        (vec![bias], "input \"x\" is missing; the model takes \"x\", \"bias\" (may be left out)"),
        (vec![x, floats("bias", &[3], &[0.0; 3])], "input \"bias\": expected shape [2], got [3]"),
    ] {
        let error = model.infer(inputs).await.expect_err(expected);
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Some(400)), "{error}");
        assert!(error.detail().is_some_and(|detail| detail.contains(expected)), "{error}");
    }

    let metadata = model.metadata().await.expect("an answer");
    let tensors: Vec<_> = metadata.inputs.iter().map(|it| (it.name.as_str(), it.shape.as_slice())).collect();
    assert_eq!(tensors, [("x", &[-1, 2][..]), ("bias", &[2])]);
    let url = format!("{}/v2/models/biased/config", function.endpoint().await);
    let answer = reqwest::Client::new().get(url).bearer_auth(env.key().expose()).send().await.expect("an answer");
    let config: serde_json::Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
    assert_eq!((&config["input"][0]["optional"], &config["input"][1]["optional"]), (&().into(), &true.into()));
}

#[tokio::test]
async fn calls_with_other_inputs_share_no_run() {
    let env = TestEnv::start().await;
    assert_eq!(env.publish("shifted", onnx::shifted()).await.batching, Batching::Rows);
    let (_function, client) = serve(&env, "shifted").await;
    let model = client.model("shifted");
    // Concurrently, so that calls that may share a run do.
    let call = async |number: u8| {
        let number = f32::from(number);
        let mut inputs: Vec<Tensor> = vec![floats("x", &[1, 2], &[number, -number])];
        let shift = if number % 2.0 == 0.0 { 1.0 } else { 100.0 };
        if shift > 1.0 {
            inputs.push(floats("shift", &[1, 2], &[shift, shift]));
        }
        let answer = model.infer(inputs).await.expect("an answer");
        assert_eq!(answer.outputs(), [floats("y", &[1, 2], &[number + shift, shift - number])]);
    };
    join_all((0..32).map(call)).await;
}
