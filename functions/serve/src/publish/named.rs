//! Whether the networks that a task runs beside the model's own can be served, and whether all of them together answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use amaas_wire::Tensor;

use super::share::{Shared, decide};
use super::upload::unknown;
use super::{BatchingPolicy, PublishError, probe};
use crate::config::Limits;
use crate::error::Error;
use crate::infer::Network;
use crate::load::{Onnx, SessionError, learn};
use crate::manifest::{Batching, GOLDEN_FORMAT, Golden, GoldenCase, NamedNetwork};
use crate::onnx::{NetworkFiles, rows};
use crate::request::{Takes, Valid};
use crate::task::{AnyMatcher, AnyTask, TaskError, Working};

/// A named network that has been run.
pub(super) struct Named {
    pub(super) onnx: Onnx,
    pub(super) described: NamedNetwork,
    /// Why calls share its runs, or not.
    pub(super) because: String,
}

/// Runs a `session` of each of `networks`, and has `task` learn from them as it will where it is loaded.
pub(super) fn check(
    session: impl Fn(&NetworkFiles) -> Result<Onnx, SessionError>,
    task: Option<&Arc<dyn AnyTask>>,
    networks: &BTreeMap<String, NetworkFiles>,
    policy: BatchingPolicy,
) -> Result<BTreeMap<String, Named>, PublishError> {
    let mut checked = BTreeMap::new();
    for (name, files) in networks {
        let mut onnx = session(files)?;
        let (inputs, outputs) = (onnx.inputs()?, onnx.outputs()?);
        let known = task.and_then(|task| Arc::clone(task).matcher()).and_then(|matcher| known(&*matcher, name));
        let (fits, prove) = (probe::same_batch(&inputs), || rows::prove(files));
        let shared = decide(Some(name), policy, fits, prove, || probe::probe(&mut onnx, &inputs, known.as_ref()))?;
        let Shared { batching, rows_proof, because } = shared;
        learn(task, name, &mut onnx, batching)?;
        onnx.check_trial()?;
        // What is stored of it is known when it is sealed.
        let described = NamedNetwork { inputs, outputs, batching, rows_proof, ..unknown(files) };
        checked.insert(name.clone(), Named { onnx, described, because });
    }
    Ok(checked)
}

/// Rows that mean something to the network, for the trial of whether they change one another: what the task knows, each alone.
fn known(matcher: &dyn AnyMatcher, name: &str) -> Option<Golden> {
    let plan = matcher.known(&Working::of_the_process(), Batching::None).ok().filter(|_| matcher.texts() == name)?;
    let cases = plan.runs.into_iter().map(|inputs| GoldenCase { inputs, outputs: Vec::new() }).collect();
    Some(Golden { format: GOLDEN_FORMAT.to_owned(), atol: 0.0, producer: String::new(), cases })
}

/// Answers the task's own example, so that a network which the task cannot read never reaches the store.
pub(super) fn trial(
    matcher: &Arc<dyn AnyMatcher>,
    (own, takes): (&mut Onnx, Takes<'_>),
    named: &mut BTreeMap<String, Named>,
) -> Result<(), TaskError> {
    let name = matcher.texts();
    let Named { onnx, described, .. } =
        named.get_mut(name).ok_or_else(|| TaskError::new(format!("there is no network {name:?}")))?;
    let mut answer = || {
        let working = Working::of_the_process();
        let paths = Arc::clone(matcher).read(&working, matcher.example().as_bytes(), Limits::default().rows)?;
        let outputs = run(own, takes, (paths.own)(&working, takes.batching)?)?;
        let plan = (paths.texts)(&working, described.batching)?;
        let vectors = plan.vectors.read(&run(onnx, (&*described).into(), plan.runs)?)?;
        (paths.decode)(&outputs, &vectors).map(drop)
    };
    answer().map_err(|error: Error| {
        TaskError::new(format!("its example: {}", error.internal_text().unwrap_or(&error.to_string())))
    })
}

fn run(network: &mut Onnx, takes: Takes<'_>, runs: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, Error> {
    let run = |tensors| {
        let valid = Valid::new(tensors, takes, Limits::default());
        let valid = valid.map_err(|error| Error::internal(error.to_string()))?;
        network.run(valid.tensors()).map_err(Error::from)
    };
    runs.into_iter().map(run).collect()
}
