//! A task's own example, answered before there are calls: whether the task can read the network that it was published with.
//!
//! Publishing refuses a model whose task cannot. Loading asks again, with one run, which takes the place of a run on made-up values:
//! what an older program published is then not ready, with the reason, and is not a model whose every call fails.

use std::fmt::Write;
use std::sync::Arc;

use amaas_wire::Tensor;
use amaas_wire::task::Prompt;

use crate::task::DEFAULT_MAX_INPUTS;
use amaas_engine::RunError;

use crate::error::PredictError;
use crate::task::AnyGenerator;
use crate::task::{AnyMatcher, AnyTask};
use amaas_engine::TaskError;
use amaas_engine::cpu::Working;
use amaas_engine::generate::{Decoder, most_probable_token};
use amaas_engine::infer::Network;
use amaas_engine::infer::{Takes, Valid};
use amaas_engine::{Batching, Dim, TensorSpec};

/// Has `network` answer `count` times the example of `task`: what it gave in each run.
pub fn answer(
    task: &Arc<dyn AnyTask>,
    count: usize,
    (network, takes): (&mut impl Network, Takes<'_>),
) -> Result<Vec<Vec<Tensor>>, PredictError> {
    let (body, limit) = (body(task.example(), count), DEFAULT_MAX_INPUTS);
    let encoded = Arc::clone(task).encode(&Working::of_the_process(), body.as_bytes(), limit, takes.batching)?;
    let outputs = run(network, takes, encoded.runs)?;
    (encoded.decode)(&outputs)?;
    Ok(outputs)
}

/// Has both networks of `matcher` answer `count` times its example: `own`, the model's own, and the one for `texts`.
pub fn matched(
    matcher: &Arc<dyn AnyMatcher>,
    count: usize,
    (own, own_takes): (&mut impl Network, Takes<'_>),
    (texts, texts_take): (&mut impl Network, Takes<'_>),
) -> Result<(), PredictError> {
    let (body, limit, working) = (body(matcher.example(), count), DEFAULT_MAX_INPUTS, Working::of_the_process());
    let paths = Arc::clone(matcher).read(&working, body.as_bytes(), limit)?;
    let outputs = run(own, own_takes, (paths.own)(&working, own_takes.batching)?)?;
    let plan = (paths.texts)(&working, texts_take.batching)?;
    let vectors = plan.vectors.read(&run(texts, texts_take, plan.runs)?)?;
    (paths.decode)(&outputs, &vectors).map(drop)
}

/// Has `decoder` go on with the text of `example`, by `count` tokens.
pub fn go_on(
    generator: &dyn AnyGenerator,
    example: &str,
    count: usize,
    decoder: &mut impl Decoder,
) -> Result<(), PredictError> {
    let prompt: Prompt = serde_json::from_str(example).map_err(|error| PredictError::internal(error))?;
    let mut new = generator.encode(&Working::of_the_process(), &prompt.prompt)?;
    new.truncate(generator.context_length().saturating_sub(count).max(1));
    let (mut past, mut made) = (None, Vec::with_capacity(count));
    for _ in 0..count {
        let (logits, now) = decoder.step(&[new], past.take())?;
        let logits = logits.into_iter().next().ok_or_else(|| PredictError::internal("the network gave no logits"))?;
        let token = most_probable_token(&logits)?;
        let token = i64::try_from(token).map_err(|error| PredictError::internal(error))?;
        (new, past) = (vec![token], Some(now));
        made.push(token);
    }
    generator.decode(&made).map(drop).map_err(|error| PredictError::internal(error))
}

/// The runs that the example of `task` asks of the model's own network; none where it goes on with texts.
pub fn runs(task: &Arc<dyn AnyTask>) -> Result<Vec<Vec<Tensor>>, PredictError> {
    let (body, limit, working) = (body(task.example(), 1), DEFAULT_MAX_INPUTS, Working::of_the_process());
    match (Arc::clone(task).matcher(), Arc::clone(task).generator()) {
        (Some(matcher), _) => {
            let paths = matcher.read(&working, body.as_bytes(), limit)?;
            (paths.own)(&working, Batching::None)
        }
        (None, Some(_)) => Ok(Vec::new()),
        (None, None) => Ok(Arc::clone(task).encode(&working, body.as_bytes(), limit, Batching::None)?.runs),
    }
}

/// Whether the machine was too small or too busy for the trial, and so nothing is known of task and network.
pub fn is_of_the_machine(error: &PredictError) -> bool {
    let PredictError::Run(error) = error else { return false };
    matches!(
        error,
        RunError::TooLong { .. } | RunError::TooLarge { .. } | RunError::OutOfMemory { .. } | RunError::Lost
    )
}

/// A network in an error: its name, where it is not the model's own, with what it takes and gives.
pub type Shown<'s> = (Option<&'s str>, &'s [TensorSpec], &'s [TensorSpec]);

/// What is said where `task` cannot run `networks`.
pub fn refused(task: &str, error: &PredictError, networks: &[Shown<'_>]) -> TaskError {
    let cause = amaas_engine::session::in_words(&error.for_operator());
    let mut text = format!("{task:?} cannot run this network: its example: {cause}");
    for network in networks {
        // To write into a text never fails.
        let _ = write!(text, ". {}", listed_of(network));
    }
    TaskError::new(text)
}

/// What a network takes and gives.
pub fn listed_of((name, inputs, outputs): &Shown<'_>) -> String {
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

fn run(network: &mut impl Network, takes: Takes<'_>, runs: Vec<Vec<Tensor>>) -> Result<Vec<Vec<Tensor>>, PredictError> {
    let run = |tensors| {
        let valid = Valid::new(tensors, takes, DEFAULT_MAX_INPUTS);
        let valid = valid.map_err(|error| PredictError::internal(error))?;
        network.run(valid.tensors()).map_err(PredictError::from)
    };
    runs.into_iter().map(run).collect()
}

/// A body with `count` examples.
fn body(example: &str, count: usize) -> String {
    format!(r#"{{"inputs":[{}]}}"#, vec![example; count].join(","))
}

/// Decoders of language models have a hundred tensors and more.
const MOST_SHOWN: usize = 6;

#[cfg(test)]
mod tests;
