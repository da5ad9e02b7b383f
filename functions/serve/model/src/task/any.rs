//! The type-erased task: JSON in, JSON out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;

use super::task::{Task, UsageUnit};
use super::{CpuWork, DecoderSpec, ModelCall, TaskInterfaces, inputs};
use crate::error::PredictError;
use crate::schema::{PredictSchema, SchemaRegistry};

/// A type-erased [`Task`].
pub trait AnyTask: Send + Sync {
    /// The unit that calls are metered in.
    fn unit(&self) -> UsageUnit;

    /// The maximum number of inputs of a call.
    fn max_inputs(&self) -> usize;

    /// One input, as JSON.
    fn example(&self) -> &'static str;

    /// The schemas of `predict` requests and responses.
    fn predict_schema(&self, schemas: &mut SchemaRegistry) -> PredictSchema;

    /// See [`Task::precompute`].
    fn precompute(self: Arc<Self>, call: ModelCall) -> BoxFuture<'static, Result<(), PredictError>>;

    /// The JSON list of the predictions for a `predict` body.
    fn predict(
        self: Arc<Self>,
        call: ModelCall,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Box<RawValue>, PredictError>>;
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

    fn example(&self) -> &'static str {
        T::EXAMPLE
    }

    fn predict_schema(&self, schemas: &mut SchemaRegistry) -> PredictSchema {
        let typed = PredictSchema::of::<T::Input, T::Prediction>(schemas, T::EXAMPLE);
        if T::MAX_INPUTS == usize::MAX { typed } else { typed.at_most(T::MAX_INPUTS) }
    }

    fn precompute(self: Arc<Self>, call: ModelCall) -> BoxFuture<'static, Result<(), PredictError>> {
        Arc::clone(&self.0).precompute(call).boxed()
    }

    fn predict(
        self: Arc<Self>,
        call: ModelCall,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Box<RawValue>, PredictError>> {
        let task = Arc::clone(&self.0);
        async move {
            let limit = call.max_rows().min(T::MAX_INPUTS);
            let inputs = call.compute(CpuWork::json(body.len()), move |_| inputs::<T::Input>(&body, limit)).await?;
            let count = inputs.len();
            let predictions = task.predict(call.clone(), inputs).await?;
            if predictions.len() != count {
                let got = predictions.len();
                return Err(PredictError::internal(format!(
                    "task {} made {got} predictions of {count} inputs",
                    T::NAME
                )));
            }
            let write = move |_: &_| serde_json::value::to_raw_value(&predictions).map_err(PredictError::internal);
            call.compute(CpuWork::json(call.output_size()), write).await
        }
        .boxed()
    }
}
