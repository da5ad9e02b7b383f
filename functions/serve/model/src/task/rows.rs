//! Tasks whose network maps each input to a row.

use std::sync::Arc;

use amaas_engine::{InvalidInput, TaskError};
use amaas_wire::predict::NoParameters;
use amaas_wire::{Tensor, TensorError};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Cost, CpuWork, ModelCall, Predictions, Task, TaskContext};
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
        let rejected = move |_: &_| {
            let checked: Vec<_> = inputs
                .iter()
                .map(|input| {
                    let alone = |error| error_alone(&error);
                    if is_partial {
                        task.preprocess(std::slice::from_ref(input)).map(drop).map_err(alone)
                    } else {
                        Ok(())
                    }
                })
                .collect();
            let accepted: Vec<_> =
                inputs.into_iter().zip(&checked).filter_map(|(input, is)| is.is_ok().then_some(input)).collect();
            let runs = accepted.chunks(rows).map(|inputs| task.preprocess(inputs)).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, InvalidInput>((runs, accepted, checked))
        };
        let (runs, inputs, checked) = call.compute(work, rejected).await?;
        let mut predictions = Vec::new().into_iter();
        if !inputs.is_empty() {
            let runs = network.prepare(runs, call.tenant(), call.max_rows())?;
            let charge = call.charge(Cost::rows(runs.rows())).await?;
            let outputs = call.run(&charge, network, runs).await?;
            let postprocess = move |_: &_| self.predictions(&inputs, &outputs, rows);
            predictions = call.compute(CpuWork::json(call.output_size()), postprocess).await?.into_iter();
        }
        let missing = || PredictError::internal("a prediction is missing");
        let each = checked.into_iter().map(|is| is.and_then(|()| predictions.next().ok_or_else(missing)));
        Ok(each.collect::<Vec<_>>().into())
    }
}

/// The error of an input that was preprocessed alone.
fn error_alone(error: &InvalidInput) -> PredictError {
    PredictError::invalid(error.0.strip_prefix("inputs[0]: ").unwrap_or(&error.0))
}

impl<T: RowTask> Rows<T> {
    /// The predictions of all runs, `rows` per run.
    fn predictions(
        &self,
        inputs: &[T::Input],
        runs: &[Vec<Tensor>],
        rows: usize,
    ) -> Result<Vec<T::Prediction>, PredictError> {
        let mut predictions = Vec::with_capacity(inputs.len());
        for (inputs, outputs) in inputs.chunks(rows).zip(runs) {
            check_finite(outputs, predictions.len(), rows)?;
            let of_run = self.0.postprocess(inputs, outputs).map_err(PredictError::internal)?;
            if of_run.len() != rows {
                let got = of_run.len();
                return Err(PredictError::internal(format!(
                    "task {} made {got} predictions of {rows} inputs",
                    T::NAME
                )));
            }
            predictions.extend(of_run);
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
