//! A first run before the first call: ONNX Runtime takes memory and lays out weights then, so that the first caller need not wait.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use crate::generate::Decoder;
use crate::infer::{Network, made_up};
use crate::manifest::TensorSpec;

/// Runs `network` once on made-up values, for a while at most. One that refuses them, or is too large for them, is served all the
/// same: what values it takes nobody here knows, and whoever published it was told.
pub(super) fn tensors(network: &mut impl Network, inputs: &[TensorSpec]) {
    let made = made_up(inputs.iter().filter(|input| !input.optional), 1);
    let stop = network.prepare();
    let (ended, end) = channel::<()>();
    // Where there is no thread to be had, the run has no bound but its own.
    let _watch = Builder::new().name("warm-up".to_owned()).spawn(move || {
        if let (Err(RecvTimeoutError::Timeout), Some(stop)) = (end.recv_timeout(LONGEST), stop) {
            stop.stop();
        }
    });
    let result = made.and_then(|made| network.run(&made).map_err(|error| error.to_string()));
    drop(ended);
    if let Err(error) = result {
        tracing::info!(error, "the network was not run on made-up values; its first call takes longer");
    }
}

/// The same for a network that goes on with texts: one of three tokens.
pub(super) fn tokens(decoder: &mut impl Decoder) {
    if let Err(error) = decoder.step(&[vec![1, 2, 3]], None) {
        tracing::info!(%error, "the network did not go on with a made-up text; its first call takes longer");
    }
}

/// Half of what Lambda gives a function to begin in.
const LONGEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use amaas_wire::{Datatype, Tensor};

    use super::*;
    use crate::infer::RunError;
    use crate::manifest::Dim;

    /// Counts its runs, and refuses them.
    struct Refuses(Vec<Vec<Tensor>>);

    impl Network for Refuses {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            self.0.push(inputs.to_vec());
            Err(RunError::Failed("no".to_owned()))
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
}
