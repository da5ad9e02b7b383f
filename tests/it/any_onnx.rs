//! `amaas-tensor` serves any ONNX file.

mod external;
mod optional;
mod refused;
mod unusual;

use amaas::{Client, Datatype, ErrorKind, Tensor, TensorData};
use amaas_e2e::{Function, Program, TestEnv, onnx};
use amaas_engine::Batching;
use half::{bf16, f16};

async fn serve(env: &TestEnv, model: &str) -> (Function, Client) {
    let function = env.launch(Program::Tensor, model).await.start();
    let client = env.client(function.endpoint().await);
    (function, client)
}

fn floats(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::new(name, shape.to_vec(), values.to_vec()).expect("values of that shape")
}

#[tokio::test]
async fn rows_go_through() {
    let env = TestEnv::start().await;
    assert_eq!(env.publish("plus-one", onnx::plus_one()).await.batching, Batching::Rows);
    let (_function, client) = serve(&env, "plus-one").await;
    let model = client.model("plus-one");
    let answer = model.infer(vec![floats("x", &[3, 2], &[0.0, 0.5, -1.0, 1e6, -2.5, 7.0])]).await.expect("an answer");
    let expected = floats("y", &[3, 2], &[1.0, 1.5, 0.0, 1_000_001.0, -1.5, 8.0]);
    assert_eq!(answer.outputs(), [expected]);
    assert_eq!(answer.usage().map(|usage| usage.rows), Some(3));

    let metadata = model.metadata().await.expect("an answer");
    assert_eq!(metadata.platform, "onnxruntime_onnx");
    assert_eq!((metadata.inputs[0].name.as_str(), metadata.inputs[0].shape.as_slice()), ("x", &[-1, 2][..]));

    let error = model.predict::<f32>(&1.0).await.expect_err("there is no task");
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotFound, Some(404)));
    assert_eq!(error.problem().map(|problem| problem.kind.as_str()), Some("urn:amaas:problem:no-task"));
}

#[tokio::test]
async fn inputs_are_told_apart_by_name() {
    let env = TestEnv::start().await;
    env.publish("add", onnx::add()).await;
    let (_function, client) = serve(&env, "add").await;
    let (a, b) = (floats("a", &[1, 2], &[1.0, 2.0]), floats("b", &[1, 2], &[10.0, 20.0]));
    for inputs in [vec![a.clone(), b.clone()], vec![b.clone(), a.clone()]] {
        let answer = client.model("add").infer(inputs).await.expect("an answer");
        assert_eq!(answer.outputs(), [floats("sum", &[1, 2], &[11.0, 22.0])]);
    }
    for (inputs, expected) in [
        (vec![a.clone()], "input \"b\" is missing; the model takes \"a\", \"b\""),
        (vec![a.clone(), b.clone(), a.clone()], "input \"a\" came twice"),
        (vec![a, floats("b", &[2, 2], &[0.0; 4])], "dimension \"batch\" is 2 here but 1 in another input"),
    ] {
        let error = client.model("add").infer(inputs).await.expect_err(expected);
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Some(400)), "{error}");
        assert!(error.detail().is_some_and(|detail| detail.contains(expected)), "{error}");
    }
}

#[tokio::test]
async fn every_datatype_comes_back_as_it_went() {
    let env = TestEnv::start().await;
    env.publish("identity", onnx::identity(&Datatype::ALL)).await;
    let (_function, client) = serve(&env, "identity").await;
    let inputs: Vec<_> = Datatype::ALL.iter().map(|it| tensor(it.name(), extremes(*it))).collect();
    let answer = client.model("identity").infer(inputs).await.expect("an answer");
    assert_eq!(answer.outputs().len(), Datatype::ALL.len());
    for datatype in Datatype::ALL {
        let name = format!("OUT_{datatype}");
        assert_eq!(answer.output(&name), Some(&tensor(&name, extremes(datatype))), "{datatype}");
    }
}

#[tokio::test]
async fn a_text_that_would_be_cut_is_refused() {
    let env = TestEnv::start().await;
    env.publish("identity", onnx::identity(&[Datatype::Bytes])).await;
    let (_function, client) = serve(&env, "identity").await;
    let texts = vec!["whole".to_owned(), "c\0ut".to_owned()];
    let error = client.model("identity").infer(vec![Tensor::new("BYTES", vec![1, 2], texts).expect("two texts")]).await;
    let error = error.expect_err("a zero byte");
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidInput, Some(422)), "{error}");
    assert!(
        error.detail().is_some_and(|detail| detail.contains("\"BYTES\": data[1]: expected text without a zero byte"))
    );
}

fn tensor(name: &str, data: TensorData) -> Tensor {
    Tensor::new(name, vec![2, 2], data).expect("four values")
}

/// Four values of the datatype, its extremes among them.
fn extremes(datatype: Datatype) -> TensorData {
    match datatype {
        Datatype::Bool => TensorData::Bool(vec![true, false, false, true]),
        Datatype::Uint8 => TensorData::Uint8(vec![0, 1, 2, u8::MAX].into()),
        Datatype::Uint16 => TensorData::Uint16(vec![0, 1, 2, u16::MAX].into()),
        Datatype::Uint32 => TensorData::Uint32(vec![0, 1, 2, u32::MAX].into()),
        Datatype::Uint64 => TensorData::Uint64(vec![0, 1, 2, u64::MAX].into()),
        Datatype::Int8 => TensorData::Int8(vec![i8::MIN, -1, 0, i8::MAX].into()),
        Datatype::Int16 => TensorData::Int16(vec![i16::MIN, -1, 0, i16::MAX].into()),
        Datatype::Int32 => TensorData::Int32(vec![i32::MIN, -1, 0, i32::MAX].into()),
        Datatype::Int64 => TensorData::Int64(vec![i64::MIN, -1, 0, i64::MAX].into()),
        Datatype::Fp16 => TensorData::Fp16(vec![f16::MIN, f16::MIN_POSITIVE, f16::from_f32(0.1), f16::MAX].into()),
        Datatype::Fp32 => TensorData::Fp32(vec![f32::MIN, f32::MIN_POSITIVE, 0.1, f32::MAX].into()),
        Datatype::Fp64 => TensorData::Fp64(vec![f64::MIN, f64::MIN_POSITIVE, 8.123_456_789_012_345, f64::MAX].into()),
        // Binary tensors carry values that JSON cannot.
        Datatype::Bf16 => TensorData::Bf16(vec![bf16::MIN, bf16::NEG_INFINITY, bf16::from_f32(0.1), bf16::MAX].into()),
        Datatype::Bytes => TensorData::Bytes(["", "a", "Größe 🎬", "a\tb\n\"\\"].map(str::to_owned).to_vec()),
    }
}

#[tokio::test]
async fn a_length_is_no_batch() {
    let env = TestEnv::start().await;
    assert_eq!(env.publish("sum", onnx::running_sum()).await.batching, Batching::None);
    let (_function, client) = serve(&env, "sum").await;
    let model = client.model("sum");
    // Concurrently, so that they would share a run if they could.
    let call = async |start: u8| {
        let values = [f32::from(start); 4];
        let answer = model.infer(vec![floats("x", &[4], &values)]).await.expect("an answer");
        assert_eq!(answer.outputs(), [floats("y", &[4], &[1.0, 2.0, 3.0, 4.0].map(|times| times * f32::from(start)))]);
    };
    futures_util::future::join_all((0..16).map(call)).await;
}

#[tokio::test]
async fn what_was_not_published_with_a_symbol_is_not_batched() {
    let env = TestEnv::start().await;
    let manifest = env.publish("count", onnx::count()).await;
    assert_eq!(manifest.batching, Batching::None);
    let (_function, client) = serve(&env, "count").await;
    let integer = |name, value: i64| Tensor::new(name, vec![1], vec![value]).expect("one value");
    let answer = client.model("count").infer(vec![integer("steps", 1000), integer("start", 7)]).await;
    assert_eq!(answer.expect("an answer").outputs(), [integer("total", 1007)]);
}
