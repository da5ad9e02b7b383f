//! Recurrent operators, whose batch is the second dimension, or the first with the batchwise layout.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::super::operator_call::{OperatorCall, require_batch_at};
use super::super::symbolic_size::SymbolicSize;
use super::InterpretResult;

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    matches!(call.operator, "LSTM" | "GRU" | "RNN").then(|| recurrent(call))
}

fn recurrent(call: &mut OperatorCall<'_>) -> InterpretResult {
    // Weights, recurrence, bias and peepholes.
    call.require_shared([1, 2, 3, 7])?;
    let batch_first = call.integer("layout", 0) != 0;
    let at = usize::from(!batch_first);
    let (input, shape) = call.ranked(0)?;
    let [_, _, _] = &shape[..] else { return Err("has no three dimensions".to_owned()) };
    let batch = require_batch_at(&input, at, "a sequence")?;
    if batch.as_ref().is_some_and(|batch| !batch.is_whole()) {
        return Err("takes a dimension that is more than the batch".to_owned());
    }
    // Lengths and initial states.
    for (place, axis) in [(4, 0), (5, at), (6, at)] {
        let Some(own) = call.optional(place) else { continue };
        let fits = own.batch().map(|own| own.at(at)) == batch && own.batch().is_none_or(|own| own.axis == axis);
        if !fits || !own.is_shared() && own.batch().is_none() {
            return Err(format!("takes values of other rows in input {place}"));
        }
    }
    let directions = SymbolicSize::of(if call.attributes.text("direction") == Some(b"bidirectional") { 2 } else { 1 });
    let hidden = call.attributes.integer("hidden_size").map_or_else(|| call.symbols.any(), SymbolicSize::of);
    let (rows, steps) = if batch_first { (&shape[0], &shape[1]) } else { (&shape[1], &shape[0]) };
    let place = |axis: usize| batch.as_ref().map(|batch: &BatchAxis| batch.at(axis));
    let (all, last) = if batch_first {
        (
            tensor([rows, steps, &directions, &hidden].map(Clone::clone).to_vec(), place(0))?,
            tensor([rows, &directions, &hidden].map(Clone::clone).to_vec(), place(0))?,
        )
    } else {
        (
            tensor([steps, &directions, rows, &hidden].map(Clone::clone).to_vec(), place(2))?,
            tensor([&directions, rows, &hidden].map(Clone::clone).to_vec(), place(1))?,
        )
    };
    Ok(vec![all, last.clone(), last])
}

fn tensor(shape: Vec<SymbolicSize>, batch: Option<BatchAxis>) -> Result<AbstractTensor, FailureCause> {
    AbstractTensor::of(Some(shape), batch)
}
