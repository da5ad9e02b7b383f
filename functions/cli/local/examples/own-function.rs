//! A function with a task of its own, and its command line: `cargo run -p amaas-local --example own-function -- dev`.
//!
//! The network is the one of `functions/sentiment`; the task takes ids of words, and returns the probability of a positive review.

use std::process::ExitCode;

use amaas_model::manifest::ManifestError;
use amaas_model::publish::Publication;
use amaas_model::task::{RowTask, Rows, TaskContext, Tasks};
use amaas_serve::task::{InvalidInput, TaskError};
use amaas_store::Alias;
use amaas_wire::Tensor;
use bytes::Bytes;

fn main() -> ExitCode {
    amaas_local::main(Tasks::default().with::<Rows<Positive>>(), &[bundle])
}

/// Ids of words to the probability of a positive review.
struct Positive;

impl RowTask for Positive {
    const NAME: &'static str = "positive";
    const EXAMPLE: &'static str = "[1, 16, 25]";
    type Input = Vec<i64>;
    type Prediction = f32;

    fn load(_: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self)
    }

    fn preprocess(&self, inputs: &[Vec<i64>]) -> Result<Vec<Tensor>, InvalidInput> {
        let padded = |ids: &Vec<i64>| ids.clone().into_iter().chain(std::iter::repeat(PADDING)).take(LENGTH);
        let ids: Vec<i64> = inputs.iter().flat_map(padded).collect();
        let tensor = Tensor::new("input_ids", vec![inputs.len(), LENGTH], ids);
        Ok(vec![tensor.map_err(InvalidInput::new)?])
    }

    fn postprocess(&self, _: &[Vec<i64>], outputs: &[Tensor]) -> Result<Vec<f32>, TaskError> {
        let output = outputs.iter().find(|output| output.name() == "probability");
        let rows = output.and_then(|output| output.data().as_f32());
        Ok(rows.ok_or_else(|| TaskError::new("the network gave no FP32 output \"probability\""))?.to_vec())
    }
}

fn bundle(alias: Alias) -> Result<Publication, ManifestError> {
    let model = "own".parse().map_err(|error| ManifestError::Json(format!("own: {error}")))?;
    let network = Bytes::from_static(include_bytes!("../../../sentiment/model/sentiment.onnx"));
    Ok(Publication { alias, task: Some(Positive::NAME.to_owned()), ..Publication::of_network(model, network) })
}

const LENGTH: usize = 256;
const PADDING: i64 = 0;
