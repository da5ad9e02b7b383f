//! The type-erased task: JSON in, JSON out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::inputs::ReadRequest;
use super::task::{Task, UsageUnit};
use super::{
    CpuWork, DecoderSpec, ExampleCall, ModelCall, PredictBody, Predictions, PredictionsJson, TaskInterfaces, inputs,
    split_inputs,
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
            PredictSchema::of::<T::Input, T::Parameters, T::Prediction>(schemas, Some(self.0.example().body(1)))
                .with_files(|media_type| T::input_of_file(Bytes::new(), media_type).is_some());
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
            let call = call.with_partial(partial);
            let (accepted, places) = split_inputs(call.check_inputs(inputs)?);
            let mut predictions = Predictions::of_results(Vec::new());
            if !accepted.is_empty() {
                let expected = accepted.len();
                predictions = task.predict(call.clone(), accepted, parameters).await?;
                if predictions.len() != expected {
                    let got = predictions.len();
                    return Err(PredictError::internal(format!(
                        "task {} made {got} predictions of {expected} inputs",
                        T::NAME
                    )));
                }
            }
            let (results, truncated) = predictions.into_parts();
            let truncated = places.in_input_order(truncated);
            let predictions = Predictions::of_results(places.merge(results)).with_truncated(truncated);
            let write = move |_: &_| predictions.to_json(partial);
            call.compute(CpuWork::json(call.output_size()), write).await
        }
        .boxed()
    }
}
