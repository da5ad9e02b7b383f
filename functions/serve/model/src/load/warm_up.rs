//! A first run before the first call: ONNX Runtime takes memory and lays out weights then, so that the first caller need not wait. A
//! task's example is one ([`trial`]), and what it shows counts; made-up values are another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use amaas_engine::TensorSpec;
use amaas_engine::infer::{RunnableNetwork, StopRun, synthetic_inputs};
use amaas_engine::session::{OrtDecoder, OrtSession};

use super::direct::Direct;
use super::trial;
use crate::error::PredictError;
use crate::manifest::Manifest;
use crate::task::{LoadedTask, ModelCall, TaskError, Tokenizer};

/// Has the networks of `call`, of which `own` is the model's, answer the example of `task`.
///
/// # Errors
/// If the task cannot read what its networks are. A machine that is too small or too busy for the run is no reason.
pub(super) fn task(
    task: &LoadedTask,
    manifest: &Manifest,
    own: &Direct<OrtSession>,
    call: ModelCall,
) -> Result<(), TaskError> {
    let stop = own.with(RunnableNetwork::stop_handle).flatten();
    judge(bounded(stop, || trial::answer(task, call, 1)), manifest)
}

/// Has `decoder` make the first token behind the example of the task.
///
/// # Errors
/// As for [`task`].
pub(super) fn tokens(
    tokenizer: &dyn Tokenizer,
    example: &str,
    manifest: &Manifest,
    decoder: &mut OrtDecoder,
) -> Result<(), TaskError> {
    judge(Some(trial::go_on(tokenizer, example, 1, decoder)), manifest)
}

/// Whether a trial's `result`, `None` where it took too long, says that the task cannot run its networks.
fn judge(result: Option<Result<(), PredictError>>, manifest: &Manifest) -> Result<(), TaskError> {
    let error = match result {
        Some(Ok(())) => return Ok(()),
        Some(Err(error)) if !trial::is_of_the_machine(&error) => error,
        Some(Err(error)) => {
            tracing::info!(%error, "the network did not answer the task's example; its first call takes longer");
            return Ok(());
        }
        None => {
            tracing::info!("the network did not answer the task's example in time; its first call takes longer");
            return Ok(());
        }
    };
    let own = (None, manifest.inputs.as_slice(), manifest.outputs.as_slice());
    let named = manifest.networks.iter();
    let named = named.map(|(name, it)| (Some(name.as_str()), it.inputs.as_slice(), it.outputs.as_slice()));
    let networks: Vec<_> = std::iter::once(own).chain(named).collect();
    Err(trial::refused(manifest.task.as_deref().unwrap_or_default(), &error, &networks))
}

/// Runs `network` once on made-up values, for a while at most. One that refuses them, or is too large for them, is served all the
/// same: what values it takes nobody here knows, and whoever published it was told.
pub(super) fn tensors(network: &mut impl RunnableNetwork, inputs: &[TensorSpec]) {
    let made = synthetic_inputs(inputs.iter().filter(|input| !input.optional), 1);
    let run =
        |network: &mut _, made: Vec<_>| RunnableNetwork::run(network, &made).map_err(|error| error.for_operator());
    let result =
        made.and_then(|made| bounded(network.stop_handle(), || run(network, made)).unwrap_or(Err(TOO_LONG.to_owned())));
    if let Err(error) = result {
        tracing::info!(error, "the network was not run on made-up values; its first call takes longer");
    }
}

/// The result of `run`, which `stop` ends after a while; `None` if it did.
fn bounded<T>(stop: Option<Arc<dyn StopRun>>, run: impl FnOnce() -> T) -> Option<T> {
    let (ended, end) = channel::<()>();
    let stopped = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stopped);
    // Where there is no thread to be had, the run has no bound but its own.
    let _watch = Builder::new().name("warm-up".to_owned()).spawn(move || {
        if let (Err(RecvTimeoutError::Timeout), Some(stop)) = (end.recv_timeout(LONGEST), stop) {
            stops.store(true, Ordering::Relaxed);
            stop.stop();
        }
    });
    let result = run();
    drop(ended);
    (!stopped.load(Ordering::Relaxed)).then_some(result)
}

/// Half of what Lambda gives a function to begin in.
const LONGEST: Duration = Duration::from_secs(5);
const TOO_LONG: &str = "the run took too long";

#[cfg(test)]
mod tests {
    use amaas_wire::{Datatype, Tensor};

    use super::*;
    use amaas_engine::Dim;
    use amaas_engine::RunError;

    /// Counts its runs, and refuses them.
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
        tensors(&mut network, &[x, optional]);
        assert_eq!(
            network.0[0].iter().map(|tensor| (tensor.name(), tensor.shape())).collect::<Vec<_>>(),
            [("x", &[1, 2][..])]
        );
        tensors(&mut network, &[]);
        assert_eq!(network.0[1], []);
        tensors(&mut network, &[TensorSpec::new("x", Datatype::Fp32, vec![Dim::Fixed(1 << 40)])]);
        assert_eq!(network.0.len(), 2, "it is too large");
    }

    #[test]
    fn only_what_a_task_cannot_read_keeps_a_model_from_getting_ready() {
        let manifest = Manifest { task: Some("embed".to_owned()), ..Manifest::bare() };
        let of_the_machine = [RunError::OutOfMemory { internal: String::new() }, RunError::TooLong { limit: None }];
        for error in of_the_machine {
            assert_eq!(judge(Some(Err(error.into())), &manifest), Ok(()));
        }
        assert_eq!(judge(None, &manifest), Ok(()));
        let error =
            judge(Some(Err(PredictError::internal("no output \"y\""))), &manifest).expect_err("it cannot").to_string();
        assert!(
            error.starts_with("\"embed\" cannot run this network: its example: no output \"y\". The network takes"),
            "{error}"
        );
    }
}
