//! A network in the form that is ready soonest: what ONNX Runtime writes once it has made a session, beside the ONNX file.
//!
//! Invariant: what is prepared gives what the ONNX file gives: to the last bit with weights laid out for the CPU, and without that
//! up to the order of sums. What makes tokens gives the same to the last bit always, or a seed would not mean a text.

use std::time::{Duration, Instant};

use amaas_engine::runtime::Environment;
use amaas_wire::Tensor;
use bytes::Bytes;

use super::probe::tolerance;
use crate::load::compare;
use crate::manifest::Golden;
use amaas_engine::generate::{DecoderNetwork, DecoderTensors};
use amaas_engine::infer::{RunnableNetwork, SyntheticValues, synthetic_inputs_like};
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::session::{OrtDecoder, OrtSession, write_prepared};
use amaas_engine::{PrepackMode, RuntimeConfig};
use amaas_engine::{RunSharing, TensorSpec};

/// What a network is compared on.
pub(super) enum Trial<'t> {
    /// Known inputs.
    Golden(&'t Golden),
    /// Inputs that are made up, and what they are like.
    Inputs(&'t [TensorSpec], SyntheticValues),
    /// A text that is gone on with.
    Tokens(&'t DecoderTensors),
    /// Nothing: no values are known that it takes.
    None,
}

/// A network that is ready soonest.
pub(super) struct Ready {
    pub(super) bytes: Bytes,
    /// By how much.
    pub(super) because: String,
}

/// The prepared form of the network in `files`; or why there is none.
pub(super) fn prepare(
    environment: &Environment,
    files: &NetworkFiles,
    trial: &Trial<'_>,
    config: &RuntimeConfig,
) -> Result<Ready, String> {
    if files.size() < LEAST {
        return Err(format!("it has {} bytes, which are ready at once", files.size()));
    }
    if files.size() > MOST {
        return Err(format!("it has {} bytes, and the form that is ready soonest ends at 2 GiB", files.size()));
    }
    if matches!(trial, Trial::None) {
        return Err("there is nothing to compare it on, see the warning".to_owned());
    }
    let bytes: Bytes = write_prepared(environment, files, config)?.into();
    let given = || OrtSession::new(environment, files, config).map_err(|error| error.to_string());
    let prepared = |prepack| {
        let config = RuntimeConfig { prepack, ..config.clone() };
        OrtSession::prepared(environment, bytes.clone(), &config).map_err(|error| error.to_string())
    };
    let mut took = [Duration::MAX; 2];
    for round in 0..ROUNDS {
        let begun = Instant::now();
        let answers = trial.run(given()?)?;
        took[0] = took[0].min(begun.elapsed());
        let prepack = if round == 0 { PrepackMode::AtLoad } else { PrepackMode::Never };
        let begun = Instant::now();
        let same = trial.run(prepared(prepack)?)?;
        if prepack == PrepackMode::Never {
            took[1] = took[1].min(begun.elapsed());
        }
        if answers.is_empty() {
            return Err("there is nothing to compare it on".to_owned());
        }
        if prepack == PrepackMode::AtLoad || matches!(trial, Trial::Tokens(_)) {
            if !answers.iter().map(bits).eq(same.iter().map(bits)) {
                return Err("what is prepared gives other last bits than the network".to_owned());
            }
        } else {
            if answers.len() != same.len() {
                return Err("what is prepared has another number of outputs than the network".to_owned());
            }
            let compared = answers.iter().zip(&same).try_for_each(|(a, b)| compare(a, b, tolerance(a)));
            compared.map_err(|what| format!("what is prepared gives something else: {what}"))?;
        }
    }
    let [given, prepared] = took;
    let milliseconds = |took: Duration| took.as_secs_f64() * 1e3;
    let seen = format!("{:.1} ms to a first answer, and {:.1} without", milliseconds(prepared), milliseconds(given));
    if prepared * 10 < given * 9 { Ok(Ready { bytes, because: seen }) } else { Err(format!("no faster: {seen}")) }
}

impl Trial<'_> {
    fn run(&self, mut network: OrtSession) -> Result<Vec<Tensor>, String> {
        let mut run = |inputs: &[Tensor]| network.run(inputs).map_err(|error| error.for_operator());
        let outputs: Result<Vec<_>, String> = match self {
            Self::Golden(golden) => golden.cases.iter().take(CASES).map(|case| run(&case.inputs)).collect(),
            Self::Inputs(inputs, like) => {
                let required = inputs.iter().filter(|input| !input.optional);
                [1, 2].into_iter().map(|seed| run(&synthetic_inputs_like(required.clone(), seed, *like)?)).collect()
            }
            Self::Tokens(contract) => return tokens(network, contract),
            Self::None => return Ok(Vec::new()),
        };
        Ok(outputs?.concat())
    }
}

fn tokens(network: OrtSession, contract: &DecoderTensors) -> Result<Vec<Tensor>, String> {
    let mut decoder = OrtDecoder::new(network, contract.clone(), RunSharing::None);
    let (first, past) = decoder.step(&[vec![1, 2, 3]], None).map_err(|error| error.for_operator())?;
    let (second, _) = decoder.step(&[vec![1]], Some(past)).map_err(|error| error.for_operator())?;
    let tensor = |logits: Vec<f32>| Tensor::new("logits", vec![logits.len()], logits);
    first.into_iter().chain(second).map(|logits| tensor(logits).map_err(|error| error.to_string())).collect()
}

/// The tensor as it is sent, which tells numbers apart that count as equal, and not those that are no numbers.
fn bits(tensor: &Tensor) -> (String, Vec<usize>, Vec<u8>) {
    let mut bytes = Vec::new();
    tensor.write_bytes(&mut bytes);
    (tensor.name().to_owned(), tensor.shape().to_vec(), bytes)
}

/// Below that a session is made of the ONNX file in two or three milliseconds.
const LEAST: u64 = 1 << 20;
/// ONNX Runtime writes its own form as one buffer, whose places are signed numbers of 32 bits.
const MOST: u64 = i32::MAX as u64;
const ROUNDS: usize = 3;
const CASES: usize = 4;
