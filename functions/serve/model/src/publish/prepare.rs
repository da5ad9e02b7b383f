//! Prepares a network: stores it in ONNX Runtime's own format, after optimisation, besides the ONNX file, if that loads faster.
//!
//! Invariant: the prepared network has the outputs of the ONNX file: equal to the last bit with prepacked weights, and up to the
//! order of sums without. Logits of a decoder are always equal to the last bit, so that a seed determines the text.

use std::time::{Duration, Instant};

use amaas_engine::runtime::Environment;
use amaas_wire::Tensor;
use bytes::Bytes;

use super::probe::tolerance;
use crate::load::compare;
use crate::manifest::GoldenCases;
use amaas_engine::generate::{DecoderNetwork, DecoderTensors};
use amaas_engine::infer::{RunnableNetwork, SyntheticValues, synthetic_inputs_like};
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::session::{OrtDecoder, OrtSession, write_prepared};
use amaas_engine::{PrepackMode, RuntimeConfig};
use amaas_engine::{RunSharing, TensorSpec};

/// The inputs on which the two forms of a network are compared.
pub(super) enum EquivalenceInputs<'t> {
    /// Known inputs.
    Golden(&'t GoldenCases),
    /// Synthetic inputs of this kind.
    Synthetic(&'t [TensorSpec], SyntheticValues),
    /// A sequence that a decoder continues.
    Tokens(&'t DecoderTensors),
    /// None: no inputs are known that the network accepts.
    None,
}

/// A prepared network.
pub(super) struct PreparedForm {
    pub(super) bytes: Bytes,
    /// How much faster it is.
    pub(super) reason: String,
}

/// The prepared form of the network in `files`.
///
/// # Errors
/// Says why there is none.
pub(super) fn prepare(
    environment: &Environment,
    files: &NetworkFiles,
    trial: &EquivalenceInputs<'_>,
    config: &RuntimeConfig,
) -> Result<PreparedForm, String> {
    if files.size() < MIN_PREPARED_SIZE {
        return Err(format!("it has {} bytes, and loads fast enough", files.size()));
    }
    if files.size() > MAX_PREPARED_SIZE {
        return Err(format!("it has {} bytes, and the prepared form is limited to 2 GiB", files.size()));
    }
    if matches!(trial, EquivalenceInputs::None) {
        return Err("there is nothing to compare it on, see the warning".to_owned());
    }
    let bytes: Bytes = write_prepared(environment, files, config)?.into();
    let given = || OrtSession::new(environment, files, config).map_err(|error| error.to_string());
    let prepared = |prepack| {
        let config = RuntimeConfig { prepack, ..config.clone() };
        OrtSession::prepared(environment, bytes.clone(), &config).map_err(|error| error.to_string())
    };
    let mut took = [Duration::MAX; 2];
    for round in 0..TIMING_ROUNDS {
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
        if prepack == PrepackMode::AtLoad || matches!(trial, EquivalenceInputs::Tokens(_)) {
            if !answers.iter().map(canonical_bytes).eq(same.iter().map(canonical_bytes)) {
                return Err("outputs of the prepared network differ in their last bits".to_owned());
            }
        } else {
            if answers.len() != same.len() {
                return Err("the prepared network has another number of outputs".to_owned());
            }
            let compared = answers.iter().zip(&same).try_for_each(|(a, b)| compare(a, b, tolerance(a)));
            compared.map_err(|what| format!("the prepared network differs: {what}"))?;
        }
    }
    let [given, prepared] = took;
    let milliseconds = |took: Duration| took.as_secs_f64() * 1e3;
    let seen = format!("first run after {:.1} ms, instead of {:.1} ms", milliseconds(prepared), milliseconds(given));
    if prepared * 10 < given * 9 { Ok(PreparedForm { bytes, reason: seen }) } else { Err(format!("no faster: {seen}")) }
}

impl EquivalenceInputs<'_> {
    fn run(&self, mut network: OrtSession) -> Result<Vec<Tensor>, String> {
        let mut run = |inputs: &[Tensor]| network.run(inputs).map_err(|error| error.for_operator());
        let outputs: Result<Vec<_>, String> = match self {
            Self::Golden(golden) => {
                golden.cases.iter().take(MAX_COMPARED_CASES).map(|case| run(&case.inputs)).collect()
            }
            Self::Synthetic(inputs, like) => {
                let required = inputs.iter().filter(|input| !input.optional);
                [1, 2].into_iter().map(|seed| run(&synthetic_inputs_like(required.clone(), seed, *like)?)).collect()
            }
            Self::Tokens(contract) => return decode_logits(network, contract),
            Self::None => return Ok(Vec::new()),
        };
        Ok(outputs?.concat())
    }
}

fn decode_logits(network: OrtSession, contract: &DecoderTensors) -> Result<Vec<Tensor>, String> {
    let mut decoder = OrtDecoder::new(network, contract.clone(), RunSharing::None);
    let (first, past) = decoder.step(&[vec![1, 2, 3]], None).map_err(|error| error.for_operator())?;
    let (second, _) = decoder.step(&[vec![1]], Some(past)).map_err(|error| error.for_operator())?;
    let tensor = |logits: Vec<f32>| Tensor::new("logits", vec![logits.len()], logits);
    first.into_iter().chain(second).map(|logits| tensor(logits).map_err(|error| error.to_string())).collect()
}

/// The bytes of a tensor, which differ for 0 and -0, and are equal for NaNs with the same bits.
fn canonical_bytes(tensor: &Tensor) -> (String, Vec<usize>, Vec<u8>) {
    let mut bytes = Vec::new();
    tensor.write_bytes(&mut bytes);
    (tensor.name().to_owned(), tensor.shape().to_vec(), bytes)
}

/// Smaller ONNX files load in two or three milliseconds.
const MIN_PREPARED_SIZE: u64 = 1 << 20;
/// ONNX Runtime writes its own format as one buffer with signed 32-bit offsets.
const MAX_PREPARED_SIZE: u64 = i32::MAX as u64;
const TIMING_ROUNDS: usize = 3;
const MAX_COMPARED_CASES: usize = 4;
