//! The networks that a task runs beside the model's own, and what it has to know of them before the first call.

use std::sync::Arc;

use amaas_wire::Tensor;

use amaas_engine::session::Onnx;

use super::LoadError;
use crate::error::PredictError;
use crate::manifest::{Manifest, NamedNetwork};
use crate::task::{AnyMatcher, AnyTask};
use amaas_engine::Batching;
use amaas_engine::TaskError;
use amaas_engine::cpu::Working;
use amaas_engine::infer::{Bounds, Infer, Network};

/// A named network that is loaded; its runs have a queue and a thread of their own.
pub struct Named {
    /// Its description in the manifest.
    pub network: NamedNetwork,
    /// Its queue and thread.
    pub infer: Infer,
}

impl Named {
    /// Starts the thread of the network `name` of the manifest's.
    pub(super) fn start(manifest: &Manifest, name: &str, onnx: Onnx, bounds: Bounds) -> Result<Self, LoadError> {
        let network = manifest.networks.get(name).cloned().ok_or_else(|| LoadError::Task(absent(name)))?;
        let infer = Infer::start(name, onnx, bounds).map_err(LoadError::Thread)?;
        Ok(Self { network, infer })
    }
}

/// Has `task` learn what it needs of `network`, the one of the name `name`, before the first call.
pub fn learn(
    task: Option<&Arc<dyn AnyTask>>,
    name: &str,
    network: &mut impl Network,
    batching: Batching,
) -> Result<(), TaskError> {
    let Some(matcher) = task.and_then(|task| Arc::clone(task).matcher()).filter(|matcher| matcher.texts() == name)
    else {
        return Ok(());
    };
    known(&*matcher, network, batching).map_err(|error| because(name, &error))
}

fn known(matcher: &dyn AnyMatcher, network: &mut impl Network, batching: Batching) -> Result<(), PredictError> {
    let plan = matcher.known(&Working::of_the_process(), batching)?;
    let outputs: Vec<Vec<Tensor>> = plan.runs.iter().map(|run| network.run(run)).collect::<Result<_, _>>()?;
    let vectors = plan.vectors.read(&outputs)?;
    matcher.learn(vectors).map_err(|error| PredictError::internal(error))
}

/// What went wrong with the network `name`, for the log and for whoever publishes.
fn because(name: &str, error: &PredictError) -> TaskError {
    TaskError::new(format!("network {name:?}: {}", &error.for_operator()))
}

fn absent(name: &str) -> TaskError {
    TaskError::new(format!("network {name:?} was not published with the model"))
}
