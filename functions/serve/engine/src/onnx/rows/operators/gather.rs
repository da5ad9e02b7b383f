//! Operators that gather or scatter values by indices.

use super::super::abstract_tensor::{AbstractTensor, FailureCause};
use super::super::operator_call::{OperatorCall, axis, require_batch_at};
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "Gather" => one(gather(call)),
        "GatherElements" => one(gather_elements(call)),
        "GatherND" => one(gather_nd(call)),
        "ScatterElements" | "Scatter" => one(scatter_elements(call)),
        "OneHot" => one(one_hot(call)),
        "ReverseSequence" => one(reverse(call)),
        "TensorScatter" => one(tensor_scatter(call)),
        "TfIdfVectorizer" => one(terms(call)),
        "NegativeLogLikelihoodLoss" | "SoftmaxCrossEntropyLoss" => losses(call),
        _ => return None,
    })
}

pub(super) fn interpret_contributed(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "GatherBlockQuantized" => one(lookup(call)),
        _ => return None,
    })
}

fn gather(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let ((data, shape), (indices, places)) = (call.ranked(0)?, call.ranked(1)?);
    let along = axis(call.integer("axis", 0), shape.len())?;
    let batch = match (data.batch(), indices.batch()) {
        (Some(_), Some(_)) => return Err("picks values of any row by the values of others".to_owned()),
        (Some(batch), None) if batch.axis == along => {
            return Err("picks rows by their place in the batch dimension".to_owned());
        }
        (Some(batch), None) if batch.axis > along => Some(batch.at(batch.axis + places.len() - 1)),
        (Some(batch), None) => Some(batch.clone()),
        (None, Some(batch)) => Some(batch.at(batch.axis + along)),
        (None, None) => None,
    };
    let picked = shape[..along].iter().chain(&places).chain(&shape[along + 1..]).cloned().collect();
    AbstractTensor::of(Some(picked), batch)
}

/// A shared table with row-wise lookups.
fn lookup(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[1])?;
    let ((_, shape), (indices, mut picked)) = (call.ranked(0)?, call.ranked(1)?);
    let along = axis(call.integer("gather_axis", 0), shape.len())?;
    if along != 0 || shape.len() != 2 {
        return Err("is not a table of vectors that the rows look up".to_owned());
    }
    // Several values may share one byte, so the vector size is unknown.
    picked.push(call.symbols.any());
    AbstractTensor::of(Some(picked), indices.batch().cloned())
}

fn gather_elements(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let ((data, shape), (indices, places)) = (call.ranked(0)?, call.ranked(1)?);
    let along = axis(call.integer("axis", 0), shape.len())?;
    match (data.batch(), indices.batch()) {
        (None, None) => {}
        // Along the batch dimension, each value is picked by its own index alone.
        (None, Some(batch)) if batch.axis == along => {}
        (Some(batch), Some(other)) if batch == other && batch.axis != along => {}
        _ => return Err("picks values by their place in the batch dimension".to_owned()),
    }
    AbstractTensor::of(Some(places), indices.batch().cloned())
}

fn gather_nd(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let ((data, shape), (indices, places)) = (call.ranked(0)?, call.ranked(1)?);
    let shared =
        usize::try_from(call.integer("batch_dims", 0)).map_err(|_| "has a negative number of batch dimensions")?;
    let depth = places.last().and_then(SymbolicSize::number).and_then(|depth| usize::try_from(depth).ok());
    let (Some(last), Some(depth)) = (places.len().checked_sub(1), depth) else {
        return Err("has indices whose number is not known".to_owned());
    };
    let rest = shape.get(shared + depth..).ok_or("has indices of too many dimensions")?;
    let batch = match (data.batch(), indices.batch()) {
        (None, None) => None,
        (None, Some(batch)) if shared == 0 && batch.axis < last => Some(batch.clone()),
        (Some(batch), Some(other)) if batch == other && batch.axis < shared => Some(batch.clone()),
        (Some(batch), None) if shared == 0 && batch.axis >= depth => Some(batch.at(last + batch.axis - depth)),
        _ => return Err("picks values by their place in the batch dimension".to_owned()),
    };
    AbstractTensor::of(Some(places[..last].iter().chain(rest).cloned().collect()), batch)
}

fn scatter_elements(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (data, shape) = call.ranked(0)?;
    let along = axis(call.integer("axis", 0), shape.len())?;
    let (indices, updates) = (call.input(1)?, call.input(2)?);
    let same = data.batch() == indices.batch() && data.batch() == updates.batch();
    if !same || data.batch().is_some_and(|batch| batch.axis == along) {
        return Err("puts values at places of the batch dimension".to_owned());
    }
    Ok(data.without_values())
}

fn one_hot(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared([1, 2])?;
    let (indices, mut shape) = call.ranked(0)?;
    let along = axis(call.integer("axis", -1), shape.len() + 1)?;
    let depth = call.optional(1).and_then(AbstractTensor::known).and_then(|known| known.first()).cloned();
    let depth = depth.filter(|depth| depth.is_non_negative(call.symbols));
    shape.insert(along, depth.unwrap_or_else(|| call.symbols.any()));
    let batch = indices.batch().map(|batch| batch.at(batch.axis + usize::from(batch.axis >= along)));
    AbstractTensor::of(Some(shape), batch)
}

fn reverse(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let time = axis(call.integer("time_axis", 0), shape.len())?;
    let rows = axis(call.integer("batch_axis", 1), shape.len())?;
    if input.batch().is_some_and(|batch| batch.axis == time || !batch.is_whole()) {
        return Err("reverses the batch dimension".to_owned());
    }
    let lengths = require_batch_at(&call.input(1)?, 0, "the lengths")?;
    let is_own = input.batch().is_some_and(|batch| batch.axis == rows);
    match lengths {
        Some(lengths) if is_own && lengths.is_whole() => Ok(input.without_values()),
        None if !is_own => Ok(input.without_values()),
        _ => Err("reverses rows by the lengths of others".to_owned()),
    }
}

/// Term counts of each row of a matrix; one dimension would be a single row.
fn terms(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let [rows, _] = &shape[..] else { return Err("counts the terms of all rows".to_owned()) };
    let batch = require_batch_at(&input, 0, "the terms")?;
    AbstractTensor::of(Some(vec![rows.clone(), call.symbols.any()]), batch)
}

/// A loss for each label.
fn losses(call: &OperatorCall<'_>) -> InterpretResult {
    call.require_shared([2])?;
    if call.attributes.text("reduction") != Some(b"none") {
        return Err("reduces the batch dimension".to_owned());
    }
    let (scores, labels) = (call.input(0)?, call.input(1)?);
    require_batch_at(&scores, 0, "the scores")?;
    if scores.batch() != labels.batch() {
        return Err("takes the labels of other rows".to_owned());
    }
    Ok(vec![labels.without_values(), scores.without_values()])
}

fn tensor_scatter(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (cache, shape) = call.ranked(0)?;
    let along = axis(call.integer("axis", -2), shape.len())?;
    let (update, places) = (call.input(1)?, call.optional(2));
    let whole = cache.batch().is_some_and(|batch| batch.axis == 0 && batch.is_whole());
    let same = update.batch() == cache.batch() && places.is_none_or(|places| places.batch() == cache.batch());
    if cache.is_shared() && update.is_shared() && places.is_none_or(AbstractTensor::is_shared)
        || whole && same && along != 0
    {
        return Ok(cache.without_values());
    }
    Err("writes into a cache whose rows are not those of the values".to_owned())
}
