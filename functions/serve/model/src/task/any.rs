//! A task without its types: JSON in, JSON out.

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

/// A [`Task`] without its types.
pub trait AnyTask: Send + Sync {
    /// What calls are counted in.
    fn unit(&self) -> UsageUnit;

    /// The most inputs of one call.
    fn max_inputs(&self) -> usize;

    /// One input, as JSON.
    fn example(&self) -> &'static str;

    /// The bodies of `predict`.
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

/// A task that was made, with what it declares.
#[derive(Clone)]
pub struct LoadedTask {
    task: Arc<dyn AnyTask>,
    interfaces: TaskInterfaces,
    /// By the name of the network; `None` is the model's own.
    decoders: BTreeMap<Option<String>, DecoderSpec>,
}

impl LoadedTask {
    /// `task`, erased.
    pub fn new<T: Task>(task: T) -> Self {
        let task = Arc::new(task);
        let names = std::iter::once(None).chain(T::NETWORKS.iter().map(|name| Some(*name)));
        let decoders =
            names.filter_map(|name| Some((name.map(str::to_owned), task.decoder(name)?))).collect::<BTreeMap<_, _>>();
        Self { interfaces: task.interfaces(), decoders, task: Arc::new(ErasedTask(task)) }
    }

    /// What the task answers beside `predict`.
    pub fn interfaces(&self) -> &TaskInterfaces {
        &self.interfaces
    }

    /// How the network of this name, or the model's own, is run if it generates text.
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
