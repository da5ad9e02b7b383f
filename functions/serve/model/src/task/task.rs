//! The [`Task`] trait.

use std::future::Future;
use std::sync::Arc;

use amaas_engine::TaskError;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecoderSpec, ExampleCall, ModelCall, Predictions, TaskContext, TaskInterfaces};
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
/// use amaas_model::task::{Cost, CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError};
/// use amaas_wire::Tensor;
/// use amaas_wire::predict::NoParameters;
///
/// /// Adds numbers that one network doubles and another one, "square", squares.
/// struct DoubleAndSquare;
///
/// impl Task for DoubleAndSquare {
///     const NAME: &'static str = "double-and-square";
///     const EXAMPLE: &'static str = "1.5";
///     const NETWORKS: &'static [&'static str] = &["square"];
///     type Input = f32;
///     type Parameters = NoParameters;
///     type Prediction = f32;
///
///     fn load(_: &TaskContext) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     async fn predict(
///         self: Arc<Self>,
///         call: ModelCall,
///         inputs: Vec<f32>,
///         _: NoParameters,
///     ) -> Result<Predictions<f32>, PredictError> {
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
///         let sums: Vec<f32> = doubled.into_iter().zip(squared).map(|(double, square)| double + square).collect();
///         Ok(sums.into())
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
    /// Auxiliary networks that a model may have or not.
    const OPTIONAL_NETWORKS: &'static [&'static str] = &[];
    /// Whether an input that is at fault fails alone, if the client asks for partial answers.
    const IS_PARTIAL: bool = false;
    /// The maximum number of inputs of a call.
    const MAX_INPUTS: usize = usize::MAX;
    /// The unit that calls are metered in.
    const UNIT: UsageUnit = UsageUnit::Rows;
    /// One entry of the `inputs` of a request. Its schema is in `GET /openapi.json`, so a type of your own derives [`JsonSchema`] and
    /// `Deserialize`.
    type Input: DeserializeOwned + JsonSchema + Send + Sync;
    /// The `parameters` of a request, which hold for all its inputs, with their schema;
    /// [`NoParameters`](amaas_wire::predict::NoParameters) if there are none.
    type Parameters: DeserializeOwned + JsonSchema + Default + Send + Sync;
    /// One entry of the `predictions` of an answer, with its schema.
    type Prediction: Serialize + JsonSchema + Send;

    /// Loads the task from the files that were published with the model and the tensors of its networks.
    ///
    /// # Errors
    /// If a file is missing or not valid, or a network is not what the task runs; the function then never gets ready.
    fn load(context: &TaskContext) -> Result<Self, TaskError>;

    /// The call that is tried when a model is published or loaded, and that documents it; by default [`EXAMPLE`](Self::EXAMPLE).
    fn example(&self) -> ExampleCall {
        ExampleCall::of_input(Self::EXAMPLE)
    }

    /// The input that is the file `file`: the body of a request, or a part of a multipart body. `None` if the task does not take
    /// files of `media_type`, such as `image/png`.
    fn input_of_file(file: Bytes, media_type: &str) -> Option<Self::Input> {
        let _ = (file, media_type);
        None
    }

    /// Runs once when the model is loaded, before the first call, for example to embed labels. Nothing is charged.
    ///
    /// # Errors
    /// The function then never gets ready.
    fn precompute(self: Arc<Self>, call: ModelCall) -> impl Future<Output = Result<(), PredictError>> + Send {
        let _ = call;
        async { Ok(()) }
    }

    /// One prediction for each of `inputs`, which is never empty. If [`IS_PARTIAL`](Self::IS_PARTIAL), an input that is at fault
    /// has an error in its place; see [`ModelCall::check_inputs`].
    ///
    /// # Errors
    /// [`PredictError`]: of the call as a whole, of a run, or of the task itself.
    fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Self::Input>,
        parameters: Self::Parameters,
    ) -> impl Future<Output = Result<Predictions<Self::Prediction>, PredictError>> + Send;

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
