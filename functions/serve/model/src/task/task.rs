//! The [`Task`] trait.

use std::future::Future;
use std::sync::Arc;

use amaas_engine::TaskError;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecoderSpec, ModelCall, TaskContext, TaskInterfaces};
use crate::error::PredictError;

/// Maps typed inputs to typed predictions through the networks of a model.
///
/// A task whose network maps each input to a row implements [`RowTask`](super::RowTask) instead, which needs two functions, and
/// is registered as [`Rows`](super::Rows); [`TextEmbedding`](super::TextEmbedding) and
/// [`TextGeneration`](super::TextGeneration) are adapters too.
///
/// ```
/// use std::sync::Arc;
///
/// use amaas_model::PredictError;
/// use amaas_model::task::{Cost, ModelCall, Task, TaskContext, TaskError, CpuWork};
/// use amaas_wire::Tensor;
///
/// /// Adds numbers that one network doubles and another one, "square", squares.
/// struct DoubleAndSquare;
///
/// impl Task for DoubleAndSquare {
///     const NAME: &'static str = "double-and-square";
///     const EXAMPLE: &'static str = "1.5";
///     const NETWORKS: &'static [&'static str] = &["square"];
///     type Input = f32;
///     type Prediction = f32;
///
///     fn load(_: &TaskContext) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     async fn predict(self: Arc<Self>, call: ModelCall, inputs: Vec<f32>) -> Result<Vec<f32>, PredictError> {
///         let (double, square) = (call.networks().own(), call.networks().named("square")?);
///         let x = Tensor::new("x", vec![inputs.len()], inputs).map_err(PredictError::internal)?;
///         let (tenant, rows) = (call.tenant(), call.max_rows());
///         let doubled = double.prepare(vec![vec![x.clone()]], tenant, rows)?;
///         let squared = square.prepare(vec![vec![x]], tenant, rows)?;
///         let charge = call.charge(Cost::rows(doubled.rows() + squared.rows())).await?;
///         let doubled = call.run(&charge, double, doubled).await?;
///         let squared = call.run(&charge, square, squared).await?;
///         let numbers = |outputs: &[Vec<Tensor>]| outputs[0][0].data().as_f32().map(<[f32]>::to_vec);
///         let sums = numbers(&doubled).zip(numbers(&squared));
///         let (doubled, squared) = sums.ok_or_else(|| PredictError::internal("an output is not FP32"))?;
///         Ok(doubled.into_iter().zip(squared).map(|(double, square)| double + square).collect())
///     }
/// }
/// ```
pub trait Task: Sized + Send + Sync + 'static {
    /// The task's name, which a manifest names.
    const NAME: &'static str;
    /// One entry of the `inputs` of a request, as JSON: for the `OpenAPI` document, and for a trial when a model is published or loaded.
    const EXAMPLE: &'static str;
    /// The names of its auxiliary networks: `amaas publish --network NAME=FILE`.
    const NETWORKS: &'static [&'static str] = &[];
    /// The maximum number of inputs of a call.
    const MAX_INPUTS: usize = usize::MAX;
    /// The unit that calls are metered in.
    const UNIT: UsageUnit = UsageUnit::Rows;
    /// One entry of the `inputs` of a request. Its schema is in `GET /openapi.json`, so a type of your own derives [`JsonSchema`] and
    /// `Deserialize`.
    type Input: DeserializeOwned + JsonSchema + Send + Sync;
    /// One entry of the `predictions` of an answer, with its schema.
    type Prediction: Serialize + JsonSchema + Send;

    /// Loads the task from the files that were published with the model and the tensors of its networks.
    ///
    /// # Errors
    /// If a file is missing or not valid, or a network is not what the task runs; the function then never gets ready.
    fn load(context: &TaskContext) -> Result<Self, TaskError>;

    /// Runs once when the model is loaded, before the first call, for example to embed labels. Nothing is charged.
    ///
    /// # Errors
    /// The function then never gets ready.
    fn precompute(self: Arc<Self>, call: ModelCall) -> impl Future<Output = Result<(), PredictError>> + Send {
        let _ = call;
        async { Ok(()) }
    }

    /// One prediction for each of `inputs`, which is never empty.
    ///
    /// # Errors
    /// [`PredictError`]: of the inputs, of a run, or of the task itself.
    fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Self::Input>,
    ) -> impl Future<Output = Result<Vec<Self::Prediction>, PredictError>> + Send;

    /// The interfaces of the task besides `predict`.
    fn interfaces(self: &Arc<Self>) -> TaskInterfaces {
        TaskInterfaces::default()
    }

    /// The decoder of the network `network`, or of the model's own, if it generates text.
    fn decoder(self: &Arc<Self>, network: Option<&str>) -> Option<DecoderSpec> {
        let _ = network;
        None
    }
}

/// The unit that calls to a task are metered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageUnit {
    /// Rows of the networks.
    Rows,
    /// Tokens.
    Tokens,
}
