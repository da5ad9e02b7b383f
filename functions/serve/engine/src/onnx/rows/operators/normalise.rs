//! Normalisations, by the dimensions of their statistics.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause, broadcast};
use super::super::operator_call::{OperatorCall, axis, require_batch_at};
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "BatchNormalization" => one(batch(call)),
        "LayerNormalization" | "RMSNormalization" | "SimplifiedLayerNormalization" => layer(call),
        "InstanceNormalization" | "GroupNormalization" => one(channels(call)),
        "LRN" => one(neighbours(call)),
        "MeanVarianceNormalization" => one(mean_variance(call)),
        _ => return None,
    })
}

pub(super) fn interpret_contributed(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => skip(call),
        "EmbedLayerNormalization" => embed(call),
        "SimplifiedLayerNormalization" => layer(call),
        _ => return None,
    })
}

fn batch(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let trains = match call.version {
        ..7 => call.integer("is_test", 0) == 0,
        7..14 => call.outputs > 1,
        _ => call.integer("training_mode", 0) != 0,
    };
    let (input, shape) = call.ranked(0)?;
    if trains {
        return Err("takes its statistics over the rows of the batch (training mode)".to_owned());
    }
    call.require_shared_except(&[0])?;
    // Before operator set 9, each feature may have statistics of its own; either way they hold for all rows.
    if input.batch().is_some_and(|batch| batch.axis != 0) || shape.is_empty() {
        return Err("takes the batch dimension for channels or features".to_owned());
    }
    Ok(input.without_values())
}

fn layer(call: &mut OperatorCall<'_>) -> InterpretResult {
    let (input, shape) = call.ranked(0)?;
    let from = axis(call.integer("axis", -1), shape.len())?;
    if input.batch().is_some_and(|batch| batch.axis >= from) {
        return Err("normalises over the batch dimension".to_owned());
    }
    call.require_shared_except(&[0])?;
    let others: Vec<AbstractTensor> = call.inputs.iter().skip(1).flatten().cloned().collect();
    let all: Vec<&AbstractTensor> = std::iter::once(&input).chain(&others).collect();
    let output = broadcast(&all, call.symbols)?.without_values();
    let statistics =
        shape.into_iter().enumerate().map(|(place, size)| if place < from { size } else { SymbolicSize::of(1) });
    let statistics = AbstractTensor::of(Some(statistics.collect()), input.batch().cloned())?;
    Ok(vec![output, statistics.clone(), statistics])
}

/// Statistics over a row's channels or groups of channels.
fn channels(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0])?;
    let (input, _) = call.ranked(0)?;
    require_batch_at(&input, 0, "the values to be normalised")?;
    Ok(input.without_values())
}

fn neighbours(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, _) = call.ranked(0)?;
    if input.batch().is_some_and(|batch| batch.axis == 1) {
        return Err("normalises over the batch dimension".to_owned());
    }
    Ok(input.without_values())
}

fn mean_variance(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let axes = call.attributes.integers("axes").unwrap_or(&[0, 2, 3]);
    let axes = axes.iter().map(|place| axis(*place, shape.len())).collect::<Result<Vec<_>, _>>()?;
    match input.batch() {
        Some(batch) if axes.contains(&batch.axis) => Err("normalises over the batch dimension".to_owned()),
        _ => Ok(input.without_values()),
    }
}

/// The sum of two tensors, normalised over their last dimension.
fn skip(call: &mut OperatorCall<'_>) -> InterpretResult {
    call.require_shared_except(&[0, 1])?;
    let ((input, shape), skip) = (call.ranked(0)?, call.input(1)?);
    if input.batch().is_some_and(|batch| batch.axis + 1 == shape.len()) {
        return Err("normalises over the batch dimension".to_owned());
    }
    if input.batch().is_some() && skip.batch().is_some() && input.batch() != skip.batch() {
        return Err("adds rows to other rows".to_owned());
    }
    let sum = broadcast(&[&input, &skip], call.symbols)?.without_values();
    if sum.rank() != Some(shape.len()) || sum.batch() != input.batch() {
        return Err("adds a tensor of another number of rows".to_owned());
    }
    let statistics = AbstractTensor::shared(None);
    let statistics = if sum.batch().is_some() { statistics_of(&sum)? } else { statistics };
    Ok(vec![sum.clone(), statistics.clone(), statistics, sum])
}

fn statistics_of(sum: &AbstractTensor) -> Result<AbstractTensor, FailureCause> {
    let mut shape = sum.shape().unwrap_or_default().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = SymbolicSize::of(1);
    }
    AbstractTensor::of(Some(shape), sum.batch().cloned())
}

/// Embeddings of words, positions and segments: `[batch, length]` to `[batch, length, size]`.
fn embed(call: &mut OperatorCall<'_>) -> InterpretResult {
    call.require_shared(2..7)?;
    let (ids, shape) = call.ranked(0)?;
    let [rows, length] = &shape[..] else { return Err("takes no matrix of ids".to_owned()) };
    let batch = ids.batch().cloned();
    for place in [0, 1, 7, 8] {
        if let Some(own) = call.optional(place)
            && own.batch() != batch.as_ref()
        {
            return Err("takes values of other rows".to_owned());
        }
    }
    if batch.as_ref().is_some_and(|batch| *batch != BatchAxis::whole(0)) {
        return Err("takes the batch dimension for a length".to_owned());
    }
    let size = call.optional(2).and_then(AbstractTensor::shape).and_then(<[SymbolicSize]>::last).cloned();
    let size = size.unwrap_or_else(|| call.symbols.any());
    let vectors = AbstractTensor::of(Some(vec![rows.clone(), length.clone(), size]), batch.clone())?;
    let lengths = AbstractTensor::of(Some(vec![rows.clone()]), batch)?;
    Ok(vec![vectors.clone(), lengths, vectors])
}
