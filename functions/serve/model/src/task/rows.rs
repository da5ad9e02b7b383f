//! Tasks whose network maps each input to a row.

use std::collections::BTreeSet;
use std::sync::Arc;

use amaas_engine::infer::split;
use amaas_engine::{InvalidInput, TaskError};
use amaas_wire::predict::NoParameters;
use amaas_wire::{Tensor, TensorError};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Cost, CpuWork, InputPlaces, ModelCall, Predictions, Task, TaskContext, split_inputs};
use crate::error::PredictError;

/// Maps typed inputs to rows of a network, and its output rows to typed predictions; registered as [`Rows`].
///
/// ```
/// use amaas_model::task::{InvalidInput, RowTask, Rows, TaskContext, TaskError, Tasks};
/// use amaas_wire::{Tensor, TensorData};
///
/// /// Doubles numbers, through a network that does it.
/// struct Double;
///
/// impl RowTask for Double {
///     const NAME: &'static str = "double";
///     const EXAMPLE: &'static str = "1.5";
///     type Input = f32;
///     type Prediction = f32;
///
///     fn load(_: &TaskContext) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     fn preprocess(&self, inputs: &[f32]) -> Result<Vec<Tensor>, InvalidInput> {
///         let data = inputs.to_vec();
///         Ok(vec![Tensor::new("x", vec![inputs.len(), 1], data).map_err(InvalidInput::new)?])
///     }
///
///     fn postprocess(&self, _: &[f32], outputs: &[Tensor]) -> Result<Vec<f32>, TaskError> {
///         let y = outputs.first().and_then(|y| y.data().as_f32());
///         Ok(y.ok_or_else(|| TaskError::new("the network gave no FP32 output"))?.to_vec())
///     }
/// }
///
/// let tasks = Tasks::default().with::<Rows<Double>>();
/// assert_eq!(tasks.names().collect::<Vec<_>>(), ["double"]);
/// ```
pub trait RowTask: Sized + Send + Sync + 'static {
    /// See [`Task::NAME`].
    const NAME: &'static str;
    /// See [`Task::EXAMPLE`].
    const EXAMPLE: &'static str;
    /// Preprocessing a body of up to this many bytes takes less than 500 µs, and runs without queueing; 0 if the time does
    /// not depend on the size, as with compressed images.
    const QUICK_BYTES: usize = amaas_engine::cpu::MAX_INLINE_BYTES;
    /// Bytes of memory that preprocessing takes beyond inputs and tensors; memory-intensive jobs wait for one another.
    const MEMORY_BYTES: usize = 0;
    /// See [`Task::Input`].
    type Input: DeserializeOwned + JsonSchema + Send + Sync;
    /// See [`Task::Prediction`].
    type Prediction: Serialize + JsonSchema + Send;

    /// See [`Task::load`].
    ///
    /// # Errors
    /// If a file is missing or not valid; the function then never gets ready.
    fn load(context: &TaskContext) -> Result<Self, TaskError>;

    /// The network's inputs: one row for each of `inputs`, which is never empty. If an input takes a millisecond or more, call
    /// [`checkpoint`](super::checkpoint) between them.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn preprocess(&self, inputs: &[Self::Input]) -> Result<Vec<Tensor>, InvalidInput>;

    /// One prediction for each of `inputs`, from their rows of the network's outputs.
    ///
    /// # Errors
    /// If the outputs are invalid: a fault of the model, not of the client.
    fn postprocess(&self, inputs: &[Self::Input], outputs: &[Tensor]) -> Result<Vec<Self::Prediction>, TaskError>;
}

/// A [`RowTask`] as a [`Task`].
pub struct Rows<T>(Arc<T>);

impl<T: RowTask> Task for Rows<T> {
    const NAME: &'static str = T::NAME;
    const EXAMPLE: &'static str = T::EXAMPLE;
    const IS_PARTIAL: bool = true;
    type Input = T::Input;
    type Parameters = NoParameters;
    type Prediction = T::Prediction;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self(Arc::new(T::load(context)?)))
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<T::Input>,
        _: NoParameters,
    ) -> Result<Predictions<T::Prediction>, PredictError> {
        let (task, network) = (Arc::clone(&self.0), call.networks().own());
        // If the network is not known to have a batch, each input has a run of its own.
        let rows = if network.has_rows() { inputs.len() } else { 1 };
        let work = CpuWork { size: call.input_size(), quick: T::QUICK_BYTES, memory: T::MEMORY_BYTES };
        let is_partial = call.is_partial();
        let preprocess = move |_: &_| PreprocessedRows::of(&*task, inputs, rows, is_partial);
        let PreprocessedRows { runs, inputs, places } = call.compute(work, preprocess).await?;
        let mut predictions = Vec::new();
        if !inputs.is_empty() {
            let runs = network.prepare(runs, call.tenant(), call.max_rows())?;
            let charge = call.charge(Cost::rows(runs.rows())).await?;
            let outputs = call.run(&charge, network, runs).await?;
            let postprocess = move |_: &_| self.predictions(&inputs, &outputs, (rows, is_partial));
            predictions = call.compute(CpuWork::json(call.output_size()), postprocess).await?;
        }
        Ok(places.merge(predictions).into())
    }
}

/// The tensors of the runs of a call.
struct PreprocessedRows<I> {
    runs: Vec<Vec<Tensor>>,
    /// The inputs that are not at fault.
    inputs: Vec<I>,
    places: InputPlaces,
}

impl<I> PreprocessedRows<I> {
    /// Preprocesses `inputs`, `rows` of them for a run. If `is_partial`, inputs at fault are left out.
    fn of<T: RowTask<Input = I>>(
        task: &T,
        inputs: Vec<I>,
        rows: usize,
        is_partial: bool,
    ) -> Result<Self, InvalidInput> {
        let preprocess = |inputs: &[I]| inputs.chunks(rows).map(|inputs| task.preprocess(inputs)).collect();
        let preprocessed: Result<Vec<_>, _> = preprocess(&inputs);
        let (inputs, places) = match &preprocessed {
            Err(_) if is_partial => {
                let check = |input: I| match task.preprocess(std::slice::from_ref(&input)) {
                    Ok(_) => Ok(input),
                    Err(error) => Err(error_alone(&error)),
                };
                split_inputs(inputs.into_iter().map(check).collect())
            }
            Err(error) => return Err(error.clone()),
            Ok(_) => split_inputs(inputs.into_iter().map(Ok).collect()),
        };
        let runs = preprocessed.or_else(|_| preprocess(&inputs))?;
        Ok(Self { runs, inputs, places })
    }
}

/// The error of an input that was preprocessed alone.
fn error_alone(error: &InvalidInput) -> PredictError {
    PredictError::invalid(error.0.strip_prefix("inputs[0]: ").unwrap_or(&error.0))
}

impl<T: RowTask> Rows<T> {
    /// The predictions of all runs, `rows` per run. If `is_partial`, a row with a value that is no finite number fails alone.
    fn predictions(
        &self,
        inputs: &[T::Input],
        runs: &[Vec<Tensor>],
        (rows, is_partial): (usize, bool),
    ) -> Result<Vec<Result<T::Prediction, PredictError>>, PredictError> {
        let mut predictions = Vec::with_capacity(inputs.len());
        for (inputs, outputs) in inputs.chunks(rows).zip(runs) {
            let rows = inputs.len();
            let failed = match (check_finite(outputs, predictions.len(), rows), non_finite_rows(outputs, rows)) {
                (Ok(()), _) => BTreeSet::new(),
                (Err(_), Some(failed)) if is_partial => failed,
                (Err(error), _) => return Err(error),
            };
            let of_run = self.0.postprocess(inputs, outputs).map_err(PredictError::internal)?;
            if of_run.len() != rows {
                let got = of_run.len();
                return Err(PredictError::internal(format!(
                    "task {} made {got} predictions of {rows} inputs",
                    T::NAME
                )));
            }
            let result = |(row, prediction)| if failed.contains(&row) { Err(not_finite()) } else { Ok(prediction) };
            predictions.extend(of_run.into_iter().enumerate().map(result));
        }
        Ok(predictions)
    }
}

/// Checks that all values in `outputs` are finite; JSON would write others as null. `outputs` are those of `count` inputs,
/// beginning with input `first`; the error names the input, if each has a row.
///
/// # Errors
/// [`RunError::NotFinite`](amaas_engine::RunError::NotFinite).
pub fn check_finite(outputs: &[Tensor], first: usize, count: usize) -> Result<(), PredictError> {
    for output in outputs {
        let Err(TensorError::NotFinite { index, .. }) = output.check_finite() else { continue };
        let row = if output.rows() == Some(count) { (index * count).checked_div(output.data().len()) } else { None };
        let of = if count == 1 { Some(0) } else { row };
        let of = of.map_or_else(String::new, |row| format!("inputs[{}]: ", first + row));
        let name = output.name();
        return Err(PredictError::not_finite(format!(
            "{of}the network gave {name:?} a value that is no finite number"
        )));
    }
    Ok(())
}

/// The rows of `outputs` with a value that is no finite number. `None` if the outputs do not have `rows` rows.
pub fn non_finite_rows(outputs: &[Tensor], rows: usize) -> Option<BTreeSet<usize>> {
    if outputs.iter().all(|output| output.check_finite().is_ok()) {
        return Some(BTreeSet::new());
    }
    let by_row = split(outputs, &vec![1; rows])?;
    let has_failed = |outputs: &Vec<Tensor>| outputs.iter().any(|output| output.check_finite().is_err());
    Some(by_row.iter().enumerate().filter(|(_, outputs)| has_failed(outputs)).map(|(row, _)| row).collect())
}

fn not_finite() -> PredictError {
    PredictError::not_finite("the network gave a value that is no finite number")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use amaas_engine::infer::ValidTensors;
    use amaas_engine::{Batching, Dim, RunError, RunSharing, TensorSpec};
    use amaas_wire::Datatype;
    use async_trait::async_trait;

    use super::*;
    use crate::load::trial_network;
    use crate::task::{LoadedTask, ModelNetwork, NetworkExecutor, RunTensors};

    /// Doubles numbers that are not negative, by a network that gives them back and overflows above 1e38.
    struct Double;

    impl RowTask for Double {
        const NAME: &'static str = "double";
        const EXAMPLE: &'static str = "1.5";
        type Input = f32;
        type Prediction = f32;

        fn load(_: &TaskContext) -> Result<Self, TaskError> {
            Ok(Self)
        }

        fn preprocess(&self, inputs: &[f32]) -> Result<Vec<Tensor>, InvalidInput> {
            if let Some(index) = inputs.iter().position(|input| *input < 0.0) {
                return Err(InvalidInput::new(format!("inputs[{index}]: expected a number from 0")));
            }
            Ok(vec![Tensor::new("x", vec![inputs.len(), 1], inputs.to_vec()).map_err(InvalidInput::new)?])
        }

        fn postprocess(&self, _: &[f32], outputs: &[Tensor]) -> Result<Vec<f32>, TaskError> {
            let values = outputs.first().and_then(|output| output.data().as_f32()).unwrap_or_default();
            Ok(values.iter().map(|value| 2.0 * value).collect())
        }
    }

    struct Echo;

    #[async_trait]
    impl RunTensors for Echo {
        async fn run(&self, inputs: ValidTensors) -> Result<Vec<Tensor>, RunError> {
            let values = inputs.tensors()[0].data().as_f32().expect("FP32");
            let values: Vec<f32> =
                values.iter().map(|value| if *value > 1e38 { f32::INFINITY } else { *value }).collect();
            Ok(vec![Tensor::new("y", vec![values.len(), 1], values).expect("a tensor")])
        }
    }

    async fn predict(batching: Batching, body: &str) -> Result<String, String> {
        let input = TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol("n".to_owned()), Dim::Fixed(1)]);
        let executor = NetworkExecutor::Direct(Arc::new(Echo));
        let network = ModelNetwork::new((vec![input], vec![]), (batching, RunSharing::All), executor);
        let call = trial_network::call(network, BTreeMap::new());
        let task = LoadedTask::new(Rows(Arc::new(Double)));
        let predicted = Arc::clone(&*task).predict(call, body.to_owned().into()).await;
        predicted.map(|json| json.predictions.get().to_owned()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn an_input_at_fault_fails_alone_if_the_client_asks_for_that() {
        for batching in [Batching::Rows, Batching::None] {
            let all = predict(batching, r#"{"inputs":[1.0,2.0,3.0],"partial":true}"#).await;
            assert_eq!(all, Ok("[2.0,4.0,6.0]".to_owned()), "{batching:?}");
            let some = predict(batching, r#"{"inputs":[1.0,-2.0,"three",4.0],"partial":true}"#).await.expect("partial");
            let some: Vec<serde_json::Value> = serde_json::from_str(&some).expect("a list");
            assert_eq!((&some[0], &some[3]), (&2.0.into(), &8.0.into()), "{batching:?}");
            assert_eq!(some[1]["error"]["detail"], "expected a number from 0");
            assert_eq!(some[2]["error"]["type"], "urn:amaas:problem:malformed-body");
            let some = predict(batching, r#"{"inputs":[1.0,3e38,4.0],"partial":true}"#).await.expect("partial");
            let some: Vec<serde_json::Value> = serde_json::from_str(&some).expect("a list");
            assert_eq!((&some[0], &some[2]), (&2.0.into(), &8.0.into()), "{batching:?}");
            let detail = some[1]["error"]["detail"].as_str().expect("a problem");
            assert!(detail.contains("no finite number"), "{detail}");
            let whole = predict(batching, r#"{"inputs":[1.0,3e38]}"#).await.expect_err("not partial");
            assert!(whole.contains("inputs[1]: ") && whole.contains("no finite number"), "{whole}");
            let none = predict(batching, r#"{"inputs":[-1.0],"partial":true}"#).await.expect("partial");
            assert!(none.contains("expected a number from 0"), "{none}");
            let whole = predict(batching, r#"{"inputs":[1.0,-2.0]}"#).await.expect_err("not partial");
            assert!(whole.ends_with("expected a number from 0"), "{whole}");
        }
    }
}
