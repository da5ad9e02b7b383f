use std::collections::BTreeMap;

use amaas_engine::infer::{InputContract, RunnableNetwork as RunNetwork};
use amaas_engine::{Batching, RunError, RunSharing};
use amaas_wire::{Datatype, Tensor};

use super::*;
use crate::load::trial_network::{self, TrialNetwork};
use crate::task::{InvalidInput, RowTask, Rows, TaskContext, Tasks};

/// Maps numbers to the input `x`, and the output `y` to numbers.
struct Numbers;

impl RowTask for Numbers {
    const NAME: &'static str = "numbers";
    const EXAMPLE: &'static str = "1.5";
    type Input = f32;
    type Prediction = f32;

    fn load(_: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self)
    }

    fn preprocess(&self, inputs: &[f32]) -> Result<Vec<Tensor>, InvalidInput> {
        Ok(vec![Tensor::new("x", vec![inputs.len(), 1], inputs.to_vec()).map_err(InvalidInput::new)?])
    }

    fn postprocess(&self, _: &[f32], outputs: &[Tensor]) -> Result<Vec<f32>, TaskError> {
        let y = outputs.iter().find(|output| output.name() == "y").and_then(|y| y.data().as_f32());
        Ok(y.ok_or_else(|| TaskError::new("the network gave no FP32 output \"y\""))?.to_vec())
    }
}

/// Returns its input under another name.
struct Renames(&'static str);

impl RunNetwork for Renames {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let data = inputs[0].data().as_f32().expect("floats").to_vec();
        Ok(vec![Tensor::new(self.0, inputs[0].shape().to_vec(), data).expect("the same shape")])
    }
}

fn spec(name: &str, rows: Dim) -> TensorSpec {
    TensorSpec::new(name, Datatype::Fp32, vec![rows, Dim::Fixed(1)])
}

fn task() -> LoadedTask {
    Tasks::default().with::<Rows<Numbers>>().load(Numbers::NAME, &TaskContext::default()).expect("it needs no assets")
}

#[test]
fn a_network_that_is_not_the_tasks_is_refused_with_what_it_has() {
    let rows = || Dim::Symbol("n".to_owned());
    for (input, output, expected) in [
        ("x", "y", None),
        (
            "z",
            "y",
            Some(
                "\"numbers\" cannot run this network: its example: unknown input \"x\"; the model takes \"z\". The network takes \"z\" FP32 \
                 [n, 1] and gives \"y\" FP32 [n, 1]",
            ),
        ),
        (
            "x",
            "logits",
            Some(
                "\"numbers\" cannot run this network: its example: the network gave no FP32 output \"y\". The network takes \"x\" FP32 [n, \
                 1] and gives \"logits\" FP32 [n, 1]",
            ),
        ),
    ] {
        let (inputs, outputs) = ([spec(input, rows())], [spec(output, rows())]);
        let takes = InputContract { inputs: &inputs, batching: Batching::None, sharing: RunSharing::None };
        let network = trial_network::network(&TrialNetwork::new(Renames(output)), takes, &outputs);
        let error = run_example(&task(), trial_network::call(network, BTreeMap::new()), 1).err();
        let told = error.map(|error| incompatible("numbers", &error, &[(None, &inputs, &outputs)]).to_string());
        assert_eq!(told.as_deref(), expected);
    }
}

#[test]
fn inputs_run_together_only_where_the_network_has_a_batch() {
    for (rows, batching, expected) in [
        (Dim::Symbol("n".to_owned()), Batching::Rows, vec![3]),
        (Dim::Symbol("n".to_owned()), Batching::SameTenant, vec![3]),
        (Dim::Symbol("n".to_owned()), Batching::None, vec![1, 1, 1]),
        (Dim::Fixed(1), Batching::None, vec![1, 1, 1]),
    ] {
        let inputs = [spec("x", rows)];
        let takes = InputContract { inputs: &inputs, batching, sharing: RunSharing::None };
        let direct = TrialNetwork::new(Renames("y"));
        let network = trial_network::network(&direct, takes, &[]);
        run_example(&task(), trial_network::call(network, BTreeMap::new()), 3).expect("three predictions");
        let rows: Vec<_> = direct.take_runs().iter().map(|run| run.inputs[0].shape()[0]).collect();
        assert_eq!(rows, expected, "{batching:?}");
    }
}

#[test]
fn of_many_tensors_the_first_are_listed() {
    let many: Vec<_> = (0..9).map(|index| spec(&format!("t{index}"), Dim::Fixed(1))).collect();
    assert!(describe_tensors(&many).ends_with("\"t5\" FP32 [1, 1], and 3 more"), "{}", describe_tensors(&many));
    assert!(describe_tensors(&many[..6]).ends_with("\"t5\" FP32 [1, 1]"));
    let unranked = TensorSpec { unranked: true, ..TensorSpec::new("u", Datatype::Bytes, vec![]) };
    let open = TensorSpec::new("o", Datatype::Int64, vec![Dim::Symbol("?".to_owned())]);
    assert_eq!(describe_tensors(&[unranked, open]), "\"u\" BYTES [..], \"o\" INT64 [?]");
    assert_eq!(describe_tensors(&[]), "nothing");
}
