//! A task's own example, answered before there are calls: whether the task can read the network that it was published with.
//!
//! Publishing refuses a model whose task cannot. Loading asks again, with one run, which takes the place of a run on made-up values:
//! what an older program published is then not ready, with the reason, and is not a model whose every call fails.

use std::fmt::Write;
use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_engine::generate::{DecoderNetwork, most_probable_token};
use amaas_engine::{Dim, RunError, TensorSpec};
use amaas_wire::task::Prompt;

use crate::error::PredictError;
use crate::task::{LoadedTask, ModelCall, TaskError, Tokenizer};

/// Has the networks of `call` answer `count` times the example of `task`. It blocks.
pub(crate) fn answer(task: &LoadedTask, call: ModelCall, count: usize) -> Result<(), PredictError> {
    let body = body(task.example(), count);
    block_on(Arc::clone(task).predict(call, body.into()))?.map(drop)
}

/// Has `task` compute what it needs before the first call. It blocks.
pub(crate) fn precompute(task: &LoadedTask, call: ModelCall) -> Result<(), PredictError> {
    block_on(Arc::clone(task).precompute(call))?
}

/// A trial waits for nothing but its own runs.
fn block_on<F: Future>(future: F) -> Result<F::Output, PredictError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(PredictError::internal)?;
    Ok(runtime.block_on(future))
}

/// Has `decoder` go on with the text of `example`, by `count` tokens.
pub(crate) fn go_on(
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

/// Why a task could not be made ready, for the operator or the publisher.
pub(crate) fn failed(error: &PredictError) -> TaskError {
    TaskError::new(amaas_engine::session::strip_source_paths(&error.for_operator()))
}

/// Whether the machine was too small or too busy for the trial, and so nothing is known of task and network.
pub(crate) fn is_of_the_machine(error: &PredictError) -> bool {
    let PredictError::Run(error) = error else { return false };
    matches!(
        error,
        RunError::TooLong { .. } | RunError::TooLarge { .. } | RunError::OutOfMemory { .. } | RunError::Lost
    )
}

/// A network in an error: its name, where it is not the model's own, with what it takes and gives.
pub(crate) type Shown<'s> = (Option<&'s str>, &'s [TensorSpec], &'s [TensorSpec]);

/// What is said where `task` cannot run `networks`.
pub(crate) fn refused(task: &str, error: &PredictError, networks: &[Shown<'_>]) -> TaskError {
    let cause = amaas_engine::session::strip_source_paths(&error.for_operator());
    let mut text = format!("{task:?} cannot run this network: its example: {cause}");
    for network in networks {
        // To write into a text never fails.
        let _ = write!(text, ". {}", listed_of(network));
    }
    TaskError::new(text)
}

/// What a network takes and gives.
pub(crate) fn listed_of((name, inputs, outputs): &Shown<'_>) -> String {
    let name = name.map(|name| format!(" {name:?}")).unwrap_or_default();
    format!("The network{name} takes {} and gives {}", listed(inputs), listed(outputs))
}

/// Tensors with their datatypes and shapes, the first of many.
fn listed(specs: &[TensorSpec]) -> String {
    let dim = |dim: &Dim| dim.fixed().map_or_else(|| dim.symbol().unwrap_or("?").to_owned(), |size| size.to_string());
    let one = |spec: &TensorSpec| {
        let dims: Vec<_> = spec.shape.iter().map(dim).collect();
        let shape = if spec.unranked { "[..]".to_owned() } else { format!("[{}]", dims.join(", ")) };
        format!("{:?} {} {shape}", spec.name, spec.datatype)
    };
    let mut shown: Vec<_> = specs.iter().take(MOST_SHOWN).map(one).collect();
    match specs.len().checked_sub(MOST_SHOWN) {
        Some(more @ 1..) => shown.push(format!("and {more} more")),
        _ if specs.is_empty() => return "nothing".to_owned(),
        _ => {}
    }
    shown.join(", ")
}

/// A body with `count` examples.
fn body(example: &str, count: usize) -> String {
    format!(r#"{{"inputs":[{}]}}"#, vec![example; count].join(","))
}

/// Decoders of language models have a hundred tensors and more.
const MOST_SHOWN: usize = 6;

#[cfg(test)]
mod tests;
