//! Runs a task's example before the first call, to check that the task can use the network that it was published with.
//!
//! Publishing refuses a model whose task cannot. Loading checks again with one run, which also warms up the network. So a model
//! that an older program published does not get ready, with the reason, instead of failing every call.

use std::fmt::Write;
use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_engine::generate::{DecoderNetwork, most_probable_token};
use amaas_engine::{Dim, RunError, TensorSpec};
use amaas_wire::task::Prompt;

use crate::error::PredictError;
use crate::task::{LoadedTask, ModelCall, TaskError, Tokenizer};

/// Predicts `count` copies of the example of `task` on the networks of `call`. It blocks.
pub(crate) fn run_example(task: &LoadedTask, call: ModelCall, count: usize) -> Result<(), PredictError> {
    let body = task.example().body(count);
    block_on(Arc::clone(task).predict(call, body.into()))?.map(drop)
}

/// Runs the task's `precompute`. It blocks.
pub(crate) fn precompute(task: &LoadedTask, call: ModelCall) -> Result<(), PredictError> {
    block_on(Arc::clone(task).precompute(call))?
}

/// A trial waits for its own runs only, so a single-threaded runtime is enough.
fn block_on<F: Future>(future: F) -> Result<F::Output, PredictError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(PredictError::internal)?;
    Ok(runtime.block_on(future))
}

/// Generates `count` tokens after the prompt in `example`, by greedy decoding.
pub(crate) fn generate_tokens(
    tokenizer: &dyn Tokenizer,
    example: &str,
    count: usize,
    decoder: &mut impl DecoderNetwork,
) -> Result<(), PredictError> {
    let prompt: Prompt = serde_json::from_str(example).map_err(PredictError::internal)?;
    let mut new = tokenizer.encode(&CpuPermit::for_process(), &prompt.prompt)?;
    new.truncate(tokenizer.context_length().saturating_sub(count).max(1));
    let (mut past, mut made) = (None, Vec::with_capacity(count));
    for _ in 0..count {
        let (logits, now) = decoder.step(&[new], past.take())?;
        let logits = logits.into_iter().next().ok_or_else(|| PredictError::internal("the network gave no logits"))?;
        let token = most_probable_token(&logits)?;
        let token = i64::try_from(token).map_err(PredictError::internal)?;
        (new, past) = (vec![token], Some(now));
        made.push(token);
    }
    tokenizer.decode(&made).map(drop).map_err(PredictError::internal)
}

/// `error` as a [`TaskError`], for the operator or the publisher.
pub(crate) fn task_error(error: &PredictError) -> TaskError {
    TaskError::new(amaas_engine::session::strip_source_paths(&error.for_operator()))
}

/// Whether the machine was too small or too busy for the trial, which then says nothing about task and network.
pub(crate) fn is_resource_error(error: &PredictError) -> bool {
    let PredictError::Run(error) = error else { return false };
    matches!(
        error,
        RunError::TooLong { .. } | RunError::TooLarge { .. } | RunError::OutOfMemory { .. } | RunError::Lost
    )
}

/// A network in an error: its name, unless it is the model's own, with its inputs and outputs.
pub(crate) type NetworkSignature<'s> = (Option<&'s str>, &'s [TensorSpec], &'s [TensorSpec]);

/// The error that `task` cannot run `networks`.
pub(crate) fn incompatible(task: &str, error: &PredictError, networks: &[NetworkSignature<'_>]) -> TaskError {
    let cause = amaas_engine::session::strip_source_paths(&error.for_operator());
    let mut text = format!("{task:?} cannot run this network: its example: {cause}");
    for network in networks {
        // Writing to a `String` never fails.
        let _ = write!(text, ". {}", describe_network(network));
    }
    TaskError::new(text)
}

/// The inputs and outputs of a network, in words.
pub(crate) fn describe_network((name, inputs, outputs): &NetworkSignature<'_>) -> String {
    let name = name.map(|name| format!(" {name:?}")).unwrap_or_default();
    format!("The network{name} takes {} and gives {}", describe_tensors(inputs), describe_tensors(outputs))
}

/// The first few tensors, with their datatypes and shapes.
fn describe_tensors(specs: &[TensorSpec]) -> String {
    let dim = |dim: &Dim| dim.fixed().map_or_else(|| dim.symbol().unwrap_or("?").to_owned(), |size| size.to_string());
    let one = |spec: &TensorSpec| {
        let dims: Vec<_> = spec.shape.iter().map(dim).collect();
        let shape = if spec.unranked { "[..]".to_owned() } else { format!("[{}]", dims.join(", ")) };
        format!("{:?} {} {shape}", spec.name, spec.datatype)
    };
    let mut shown: Vec<_> = specs.iter().take(MAX_LISTED_TENSORS).map(one).collect();
    match specs.len().checked_sub(MAX_LISTED_TENSORS) {
        Some(more @ 1..) => shown.push(format!("and {more} more")),
        _ if specs.is_empty() => return "nothing".to_owned(),
        _ => {}
    }
    shown.join(", ")
}

/// Tensors that an error lists; decoders of language models have more than a hundred.
const MAX_LISTED_TENSORS: usize = 6;

#[cfg(test)]
mod tests;
