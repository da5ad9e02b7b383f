//! Warm-up: one run before the first call, in which ONNX Runtime allocates memory and prepacks weights, so that the first client
//! does not wait for it. A model with a task runs its example ([`trial`]), which has to succeed; others run on synthetic inputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use amaas_engine::TensorSpec;
use amaas_engine::infer::{RunnableNetwork, StopRun, synthetic_inputs};
use amaas_engine::session::{OrtDecoder, OrtSession};

use super::trial;
use super::trial_network::TrialNetwork;
use crate::error::PredictError;
use crate::manifest::Manifest;
use crate::task::{LoadedTask, ModelCall, TaskError, Tokenizer};

/// Runs the example of `task` on the networks of `call`; `own` is the model's own.
///
/// # Errors
/// If the task cannot use its networks. A machine that is too small or too busy for the run is not an error.
pub(super) fn run_task(
    task: &LoadedTask,
    manifest: &Manifest,
    own: &TrialNetwork<OrtSession>,
    call: ModelCall,
) -> Result<(), TaskError> {
    let stop = own.with_network(RunnableNetwork::stop_handle).flatten();
    check_result(run_with_timeout(stop, || trial::run_example(task, call, 1)), manifest)
}

/// Has `decoder` generate the first token after the task's example.
///
/// # Errors
/// As for [`run_task`].
pub(super) fn run_decoder(
    tokenizer: &dyn Tokenizer,
    example: &str,
    manifest: &Manifest,
    decoder: &mut OrtDecoder,
) -> Result<(), TaskError> {
    check_result(Some(trial::generate_tokens(tokenizer, example, 1, decoder)), manifest)
}

/// Judges a trial's `result`, which is `None` after a timeout: fails only if the task cannot run its networks.
fn check_result(result: Option<Result<(), PredictError>>, manifest: &Manifest) -> Result<(), TaskError> {
    let error = match result {
        Some(Ok(())) => return Ok(()),
        Some(Err(error)) if !trial::is_resource_error(&error) => error,
        Some(Err(error)) => {
            tracing::info!(%error, "warm-up failed: the first call takes longer");
            return Ok(());
        }
        None => {
            tracing::info!("warm-up timed out: the first call takes longer");
            return Ok(());
        }
    };
    let own = (None, manifest.inputs.as_slice(), manifest.outputs.as_slice());
    let named = manifest.networks.iter();
    let named = named.map(|(name, it)| (Some(name.as_str()), it.inputs.as_slice(), it.outputs.as_slice()));
    let networks: Vec<_> = std::iter::once(own).chain(named).collect();
    Err(trial::incompatible(manifest.task.as_deref().unwrap_or_default(), &error, &networks))
}

/// Runs `network` once on synthetic inputs, for at most [`MAX_WARM_UP`]. A network that fails on them is served all the same:
/// it may need values of another kind, and publishing has warned the publisher.
pub(super) fn run_synthetic(network: &mut impl RunnableNetwork, inputs: &[TensorSpec]) {
    let made = synthetic_inputs(inputs.iter().filter(|input| !input.optional), 1);
    let run =
        |network: &mut _, made: Vec<_>| RunnableNetwork::run(network, &made).map_err(|error| error.for_operator());
    let result = made.and_then(|made| {
        run_with_timeout(network.stop_handle(), || run(network, made)).unwrap_or(Err(TOO_LONG.to_owned()))
    });
    if let Err(error) = result {
        tracing::info!(error, "warm-up on synthetic inputs failed: the first call takes longer");
    }
}

/// The result of `run`; `None` if `stop` ended it after [`MAX_WARM_UP`].
fn run_with_timeout<T>(stop: Option<Arc<dyn StopRun>>, run: impl FnOnce() -> T) -> Option<T> {
    let (ended, end) = channel::<()>();
    let stopped = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stopped);
    // If no thread can be started, the run has no deadline but its own.
    let _watch = Builder::new().name("warm-up".to_owned()).spawn(move || {
        if let (Err(RecvTimeoutError::Timeout), Some(stop)) = (end.recv_timeout(MAX_WARM_UP), stop) {
            stops.store(true, Ordering::Relaxed);
            stop.stop();
        }
    });
    let result = run();
    drop(ended);
    (!stopped.load(Ordering::Relaxed)).then_some(result)
}

/// Half of the time that Lambda gives a function to initialise.
const MAX_WARM_UP: Duration = Duration::from_secs(5);
const TOO_LONG: &str = "the run took too long";

#[cfg(test)]
mod tests {
    use amaas_wire::{Datatype, Tensor};

    use super::*;
    use amaas_engine::Dim;
    use amaas_engine::RunError;

    /// Records its runs, and fails each.
    struct Refuses(Vec<Vec<Tensor>>);

    impl RunnableNetwork for Refuses {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            self.0.push(inputs.to_vec());
            Err(RunError::failed("no".to_owned()))
        }
    }

    #[test]
    fn what_must_be_sent_is_made_up_and_a_refusal_is_no_end() {
        let x = TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol("n".to_owned()), Dim::Fixed(2)]);
        let optional = TensorSpec { optional: true, ..TensorSpec::new("o", Datatype::Fp32, vec![]) };
        let mut network = Refuses(Vec::new());
        run_synthetic(&mut network, &[x, optional]);
        assert_eq!(
            network.0[0].iter().map(|tensor| (tensor.name(), tensor.shape())).collect::<Vec<_>>(),
            [("x", &[1, 2][..])]
        );
        run_synthetic(&mut network, &[]);
        assert_eq!(network.0[1], []);
        run_synthetic(&mut network, &[TensorSpec::new("x", Datatype::Fp32, vec![Dim::Fixed(1 << 40)])]);
        assert_eq!(network.0.len(), 2, "it is too large");
    }

    #[test]
    fn only_what_a_task_cannot_read_keeps_a_model_from_getting_ready() {
        let manifest = Manifest { task: Some("embed".to_owned()), ..Manifest::bare() };
        let of_the_machine = [RunError::OutOfMemory { internal: String::new() }, RunError::TooLong { limit: None }];
        for error in of_the_machine {
            assert_eq!(check_result(Some(Err(error.into())), &manifest), Ok(()));
        }
        assert_eq!(check_result(None, &manifest), Ok(()));
        let error = check_result(Some(Err(PredictError::internal("no output \"y\""))), &manifest)
            .expect_err("it cannot")
            .to_string();
        assert!(
            error.starts_with("\"embed\" cannot run this network: its example: no output \"y\". The network takes"),
            "{error}"
        );
    }
}
