//! Whether the networks that a task runs beside the model's own can be served, and whether all of them together answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cases::cases;
use super::share::{Shared, decide};
use super::upload::unknown;
use super::{BatchingPolicy, PublishError, limits, probe};
use crate::error::PredictError;
use crate::load;
use crate::load::learn;
use crate::manifest::{Golden, NamedNetwork};
use crate::task::{AnyMatcher, AnyTask};
use amaas_engine::Batching;
use amaas_engine::TaskError;
use amaas_engine::cpu::Working;
use amaas_engine::infer::Takes;
use amaas_engine::onnx::{NetworkFiles, rows};
use amaas_engine::session::{Onnx, SessionError};

/// A named network that has been run.
pub(super) struct Named {
    pub(super) onnx: Onnx,
    pub(super) described: NamedNetwork,
    /// Why calls share its runs, or not.
    pub(super) because: String,
    /// Values that mean something to it.
    pub(super) known: Option<Golden>,
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
        limits::check(&inputs, &outputs)?;
        let known = task.and_then(|task| Arc::clone(task).matcher()).and_then(|matcher| known(&*matcher, name));
        let (fits, prove) = (probe::same_batch(&inputs), || rows::prove(files));
        let shared = decide(Some(name), policy, fits, prove, || probe::probe(&mut onnx, &inputs, known.as_ref()))?;
        let Shared { batching, rows_proof, because } = shared;
        let has = || load::trial::listed_of(&(Some(name), &inputs, &outputs));
        learn(task, name, &mut onnx, batching).map_err(|error| TaskError::new(format!("{error}. {}", has())))?;
        onnx.check_trial()?;
        // What is stored of it is known when it is sealed.
        let described = NamedNetwork { inputs, outputs, batching, rows_proof, ..unknown(files) };
        checked.insert(name.clone(), Named { onnx, described, because, known });
    }
    Ok(checked)
}

/// Rows that mean something to the network, for the trial of whether they change one another: what the task knows, each alone.
fn known(matcher: &dyn AnyMatcher, name: &str) -> Option<Golden> {
    let plan = matcher.known(&Working::of_the_process(), Batching::None).ok().filter(|_| matcher.texts() == name)?;
    Some(cases(plan.runs)).filter(|known| !known.cases.is_empty())
}

/// Answers `count` times the task's own example, so that a network which the task cannot read never reaches the store.
pub(super) fn trial(
    matcher: &Arc<dyn AnyMatcher>,
    count: usize,
    own: (&mut Onnx, Takes<'_>),
    named: &mut BTreeMap<String, Named>,
) -> Result<(), PredictError> {
    let name = matcher.texts();
    let beside = named.get_mut(name).ok_or_else(|| PredictError::internal(format!("there is no network {name:?}")))?;
    let Named { onnx, described, .. } = beside;
    load::trial::matched(matcher, count, own, (onnx, (&*described).into()))
}
