//! The type-erased task: JSON in, JSON out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::inputs::ReadRequest;
use super::task::{Task, UsageUnit};
use super::{
    CpuWork, DecoderSpec, ExampleCall, ModelCall, PredictBody, Predictions, PredictionsJson, TaskInterfaces, inputs,
};
use crate::error::{InputError, PredictError};
use crate::schema::{PredictSchema, SchemaRegistry};

/// A type-erased [`Task`].
pub trait AnyTask: Send + Sync {
    /// The unit that calls are metered in.
    fn unit(&self) -> UsageUnit;

    /// The maximum number of inputs of a call.
    fn max_inputs(&self) -> usize;

    /// See [`Task::example`].
    fn example(&self) -> ExampleCall;

    /// The schemas of `predict` requests and responses.
    fn predict_schema(&self, schemas: &mut SchemaRegistry) -> PredictSchema;

    /// See [`Task::precompute`].
    fn precompute(self: Arc<Self>, call: ModelCall) -> BoxFuture<'static, Result<(), PredictError>>;

    /// The JSON list of the predictions for a `predict` body.
    fn predict(
        self: Arc<Self>,
        call: ModelCall,
        body: PredictBody,
    ) -> BoxFuture<'static, Result<PredictionsJson, PredictError>>;
}

/// A loaded task, with the interfaces and decoders that it declares.
#[derive(Clone)]
pub struct LoadedTask {
    task: Arc<dyn AnyTask>,
    interfaces: TaskInterfaces,
    /// Decoders by network name; `None` is the model's own network.
    decoders: BTreeMap<Option<String>, DecoderSpec>,
}

impl LoadedTask {
    /// Erases the types of `task`.
    pub fn new<T: Task>(task: T) -> Self {
        let task = Arc::new(task);
        let names = std::iter::once(None).chain(T::NETWORKS.iter().map(|name| Some(*name)));
        let decoders =
            names.filter_map(|name| Some((name.map(str::to_owned), task.decoder(name)?))).collect::<BTreeMap<_, _>>();
        Self { interfaces: task.interfaces(), decoders, task: Arc::new(ErasedTask(task)) }
    }

    /// The interfaces of the task besides `predict`.
    pub fn interfaces(&self) -> &TaskInterfaces {
        &self.interfaces
    }

    /// The decoder of the network `network`, or of the model's own, if it generates text.
    pub fn decoder(&self, network: Option<&str>) -> Option<&DecoderSpec> {
        self.decoders.get(&network.map(str::to_owned))
    }
}

impl std::ops::Deref for LoadedTask {
    type Target = Arc<dyn AnyTask>;

    fn deref(&self) -> &Arc<dyn AnyTask> {
        &self.task
    }
}

struct ErasedTask<T>(Arc<T>);

impl<T: Task> AnyTask for ErasedTask<T> {
    fn unit(&self) -> UsageUnit {
        T::UNIT
    }

    fn max_inputs(&self) -> usize {
        T::MAX_INPUTS
    }

    fn example(&self) -> ExampleCall {
        self.0.example()
    }

    fn predict_schema(&self, schemas: &mut SchemaRegistry) -> PredictSchema {
        let typed =
            PredictSchema::of::<T::Input, T::Parameters, T::Prediction>(schemas, Some(self.0.example().body(1)));
        if T::MAX_INPUTS == usize::MAX { typed } else { typed.at_most(T::MAX_INPUTS) }
    }

    fn precompute(self: Arc<Self>, call: ModelCall) -> BoxFuture<'static, Result<(), PredictError>> {
        Arc::clone(&self.0).precompute(call).boxed()
    }

    fn predict(
        self: Arc<Self>,
        call: ModelCall,
        body: PredictBody,
    ) -> BoxFuture<'static, Result<PredictionsJson, PredictError>> {
        let task = Arc::clone(&self.0);
        async move {
            let limit = call.max_rows().min(T::MAX_INPUTS);
            let read = move |_: &_| inputs::read::<T>(body, limit);
            let ReadRequest { inputs, parameters, partial } =
                call.compute(CpuWork::json(call.input_size()), read).await?;
            if partial && !T::IS_PARTIAL {
                let message = format!("partial: {} answers all inputs or none", T::NAME);
                return Err(InputError::Parameter { param: "partial".into(), message }.into());
            }
            let (call, count) = (call.with_partial(partial), inputs.len());
            let inputs = call.check_inputs(inputs)?;
            let (accepted, mut results) = split_accepted(inputs);
            let mut truncated = Vec::new();
            if !accepted.is_empty() {
                let expected = accepted.len();
                let predictions = task.predict(call.clone(), accepted, parameters).await?;
                if predictions.len() != expected {
                    let got = predictions.len();
                    return Err(PredictError::internal(format!(
                        "task {} made {got} predictions of {expected} inputs",
                        T::NAME
                    )));
                }
                let (accepted, cut) = predictions.into_parts();
                let free: Vec<usize> = (0..count).filter(|index| results[*index].is_none()).collect();
                truncated = cut.iter().filter_map(|index| free.get(*index).copied()).collect();
                results = fill(results, accepted);
            }
            let results: Vec<Result<T::Prediction, PredictError>> = results.into_iter().flatten().collect();
            let predictions = Predictions::of_results(results);
            let predictions = predictions.with_truncated(truncated);
            debug_assert_eq!(predictions.len(), count);
            let write = move |_: &_| predictions.to_json(partial);
            call.compute(CpuWork::json(call.output_size()), write).await
        }
        .boxed()
    }
}

/// The inputs that could be read, and the place of each input: an error, or none yet.
type Accepted<I, P> = (Vec<I>, Vec<Option<Result<P, PredictError>>>);

fn split_accepted<I, P>(inputs: Vec<Result<I, PredictError>>) -> Accepted<I, P> {
    let mut accepted = Vec::with_capacity(inputs.len());
    let place = |input| match input {
        Ok(input) => {
            accepted.push(input);
            None
        }
        Err(error) => Some(Err(error)),
    };
    let places = inputs.into_iter().map(place).collect();
    (accepted, places)
}

/// Puts `predictions` into the places that are free.
fn fill<P>(
    places: Vec<Option<Result<P, PredictError>>>,
    predictions: Vec<Result<P, PredictError>>,
) -> Vec<Option<Result<P, PredictError>>> {
    let mut results = predictions.into_iter();
    places.into_iter().map(|place| place.or_else(|| results.next())).collect()
}
