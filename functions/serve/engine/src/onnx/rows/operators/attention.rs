//! Attention, with and without KV caches: the batch is the first dimension of every tensor with rows.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::super::operator_call::OperatorCall;
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "Attention" => attention(call),
        "RotaryEmbedding" => one(rotary(call, &[0, 3])),
        _ => return None,
    })
}

pub(super) fn interpret_contributed(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "RotaryEmbedding" => one(rotary(call, &[0, 1])),
        "MultiHeadAttention" => multi_head(call),
        "GroupQueryAttention" => grouped(call),
        "Attention" => packed(call),
        _ => return None,
    })
}

/// The rows of input `place`, which have to be exactly its first dimension; `None` without rows.
fn rows(call: &OperatorCall<'_>, place: usize) -> Result<Option<BatchAxis>, FailureCause> {
    let Some(tensor) = call.optional(place) else { return Ok(None) };
    match tensor.batch() {
        Some(batch) if *batch == BatchAxis::whole(0) => Ok(Some(batch.clone())),
        Some(_) => Err(format!("takes rows in input {place} elsewhere than in its first dimension")),
        None => Ok(None),
    }
}

/// Fails if some of the inputs have rows and others are shared, except `optional` ones.
fn all_rows(call: &OperatorCall<'_>, places: &[usize]) -> Result<Option<BatchAxis>, FailureCause> {
    let mut batch = None;
    for place in places {
        if call.optional(*place).is_none() {
            continue;
        }
        let own = rows(call, *place)?;
        if batch.as_ref().is_some_and(|known| *known != own) {
            return Err(format!("takes values of other rows in input {place}"));
        }
        batch = Some(own);
    }
    Ok(batch.flatten())
}

/// Checks the mask of values with rows in `batch`: the mask has the same rows, or is shared.
fn mask(call: &OperatorCall<'_>, place: usize, rank: usize, batch: Option<&BatchAxis>) -> Result<(), FailureCause> {
    let Some(mask) = call.optional(place) else { return Ok(()) };
    let of_rows = rows(call, place)?.is_some();
    let shape = mask.shape().ok_or("has a mask of an unknown number of dimensions")?;
    match (batch, of_rows) {
        (Some(_), true) if shape.len() == rank => Ok(()),
        (Some(_), false) if shape.len() < rank || shape.first().is_some_and(|size| size.is(1)) => Ok(()),
        (None, false) => Ok(()),
        _ => Err("has a mask whose first dimension is not the batch of the values".to_owned()),
    }
}

fn attention(call: &mut OperatorCall<'_>) -> InterpretResult {
    let batch = all_rows(call, &[0, 1, 2, 4, 5, 6])?;
    mask(call, 3, 4, batch.as_ref())?;
    let (_, shape) = call.ranked(0)?;
    let (_, values) = call.ranked(2)?;
    let mut result = shape.clone();
    if let Some(last) = result.last_mut() {
        *last = if shape.len() == 4 {
            values.last().cloned().unwrap_or_else(|| SymbolicSize::of(1))
        } else {
            call.symbols.any()
        };
    }
    let output = AbstractTensor::of(Some(result), batch.clone())?;
    let mut more = || -> Result<AbstractTensor, FailureCause> {
        let sizes = [shape[0].clone(), call.symbols.any(), call.symbols.any(), call.symbols.any()];
        AbstractTensor::of(Some(sizes.to_vec()), batch.clone())
    };
    Ok(vec![output, more()?, more()?, more()?])
}

/// `ids` are the inputs with rows: the values and their positions.
fn rotary(call: &OperatorCall<'_>, ids: &[usize; 2]) -> Result<AbstractTensor, FailureCause> {
    let [values, positions] = *ids;
    let batch = rows(call, values)?;
    if call.optional(positions).is_some() {
        let own = rows(call, positions)?;
        let single = call.optional(positions).is_some_and(AbstractTensor::is_shared) && call.is_single(positions);
        if own != batch && !single {
            return Err("takes positions of other rows".to_owned());
        }
        call.require_shared_except(&[values, positions])?;
    } else if all_rows(call, &[values, 1, 2])? != batch {
        return Err("takes positions of other rows".to_owned());
    }
    Ok(call.input(values)?.without_values())
}

fn multi_head(call: &mut OperatorCall<'_>) -> InterpretResult {
    let batch = all_rows(call, &[0, 1, 2, 4, 6, 7])?;
    call.require_shared([3])?;
    if call.inputs.len() > 8 {
        return Err("has inputs that are not known".to_owned());
    }
    mask(call, 5, 4, batch.as_ref())?;
    with_caches(call, batch.as_ref())
}

/// Grouped-query attention, with a length for each row (`seqlens_k`) and one for all (`total_sequence_length`).
fn grouped(call: &mut OperatorCall<'_>) -> InterpretResult {
    let batch = all_rows(call, &[0, 1, 2, 3, 4, 5, 9])?;
    call.require_shared([6, 7, 8])?;
    mask(call, 10, 4, batch.as_ref())?;
    call.require_shared(11..call.inputs.len())?;
    with_caches(call, batch.as_ref())
}

/// The outputs of attention for the queries of the first input, and the KV caches.
fn with_caches(call: &mut OperatorCall<'_>, batch: Option<&BatchAxis>) -> InterpretResult {
    let (_, shape) = call.ranked(0)?;
    let [rows, length, ..] = &shape[..] else { return Err("has no queries".to_owned()) };
    let output = AbstractTensor::of(Some(vec![rows.clone(), length.clone(), call.symbols.any()]), batch.cloned())?;
    let rows = rows.clone();
    let mut cache = || -> Result<AbstractTensor, FailureCause> {
        let sizes = vec![rows.clone(), call.symbols.any(), call.symbols.any(), call.symbols.any()];
        AbstractTensor::of(Some(sizes), batch.cloned())
    };
    Ok(vec![output, cache()?, cache()?])
}

/// Attention whose queries, keys and values come from one product with packed weights.
fn packed(call: &mut OperatorCall<'_>) -> InterpretResult {
    call.require_shared([1, 2])?;
    let batch = rows(call, 0)?;
    let (_, shape) = call.ranked(0)?;
    let [rows_size, length, _] = &shape[..] else { return Err("has no three dimensions".to_owned()) };
    let mask_rank = call.optional(3).and_then(AbstractTensor::rank);
    match (rows(call, 3)?, mask_rank) {
        (_, None) if call.optional(3).is_none() => {}
        // A mask of one dimension has the lengths of the rows.
        (Some(_), Some(1..=4)) if batch.is_some() => {}
        (None, Some(_)) if batch.is_none() => {}
        _ => return Err("has a mask whose first dimension is not the batch".to_owned()),
    }
    mask(call, 5, 4, batch.as_ref())?;
    call.require_shared(6..call.inputs.len())?;
    let past = call.optional(4).cloned();
    if past.as_ref().is_some_and(|past| {
        past.batch().map(|batch| batch.at(0)) != batch || past.batch().is_some_and(|batch| batch.axis != 1)
    }) {
        return Err("has a cache of other rows".to_owned());
    }
    let output = AbstractTensor::of(Some(vec![rows_size.clone(), length.clone(), call.symbols.any()]), batch.clone())?;
    let sizes =
        vec![SymbolicSize::of(2), rows_size.clone(), call.symbols.any(), call.symbols.any(), call.symbols.any()];
    let present = AbstractTensor::of(Some(sizes), batch.map(|batch| batch.at(1)))?;
    Ok(vec![output, present])
}
