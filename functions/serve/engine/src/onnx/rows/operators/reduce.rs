//! Operators that work along a dimension.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::super::operator_call::{OperatorCall, axis, require_other_axis};
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "Softmax" | "LogSoftmax" | "Hardmax" => one(softmax(call)),
        "ArgMax" | "ArgMin" => one(arg(call)),
        "CumSum" | "CumProd" => one(cumulate(call)),
        "LpNormalization" => one(along(call, -1)),
        operator if operator.starts_with("Reduce") => one(reduce(call)),
        _ => return None,
    })
}

fn softmax(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    if call.version >= SOFTMAX_ALONG_ONE_SINCE {
        return along(call, -1);
    }
    // Older versions flatten all dimensions from the axis on.
    let from = axis(call.integer("axis", 1), shape.len().max(1))?;
    match input.batch() {
        Some(batch) if batch.axis >= from => Err("normalises over the batch dimension".to_owned()),
        _ => Ok(input.without_values()),
    }
}

/// Operators along one dimension that keep its size.
fn along(call: &OperatorCall<'_>, default: i64) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    require_other_axis(&input, axis(call.integer("axis", default), shape.len())?, "normalises over")?;
    Ok(input.without_values())
}

fn cumulate(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    call.require_shared([1])?;
    let Some(places) = call.optional(1).and_then(AbstractTensor::constants) else {
        return if input.batch().is_some() {
            Err("sums up along a dimension that is not constant".to_owned())
        } else {
            Ok(input.without_values())
        };
    };
    let place = places.first().copied().ok_or("names no dimension")?;
    require_other_axis(&input, axis(place, shape.len())?, "sums up along")?;
    Ok(input.without_values())
}

fn arg(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let place = axis(call.integer("axis", 0), shape.len())?;
    require_other_axis(&input, place, "selects along")?;
    reduced(&input, shape, &[place], call.integer("keepdims", 1) != 0)
}

fn reduce(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let since = if call.operator == "ReduceSum" { REDUCE_SUM_BY_INPUT_SINCE } else { REDUCE_BY_INPUT_SINCE };
    let axes = call.axes(since, 1)?.filter(|axes| !axes.is_empty());
    let axes = match axes {
        None if call.integer("noop_with_empty_axes", 0) != 0 => return Ok(input.without_values()),
        None => (0..shape.len()).collect(),
        Some(axes) => axes.into_iter().map(|place| axis(place, shape.len())).collect::<Result<Vec<_>, _>>()?,
    };
    axes.iter().try_for_each(|place| require_other_axis(&input, *place, "reduces"))?;
    reduced(&input, shape, &axes, call.integer("keepdims", 1) != 0)
}

/// `input` with these dimensions reduced to 1 or removed.
fn reduced(
    input: &AbstractTensor,
    mut shape: Vec<SymbolicSize>,
    axes: &[usize],
    keep: bool,
) -> Result<AbstractTensor, FailureCause> {
    if keep {
        for place in axes {
            shape[*place] = SymbolicSize::of(1);
        }
        return AbstractTensor::of(Some(shape), input.batch().cloned());
    }
    let left = shape.into_iter().enumerate().filter(|(place, _)| !axes.contains(place)).map(|(_, size)| size).collect();
    let before = |batch: &BatchAxis| (0..batch.axis).filter(|place| axes.contains(place)).count();
    AbstractTensor::of(Some(left), input.batch().map(|batch| batch.at(batch.axis - before(batch))))
}

/// The operator set since which `Softmax` works along one dimension.
const SOFTMAX_ALONG_ONE_SINCE: i64 = 13;
/// The operator sets since which the dimensions to be reduced are an input.
const REDUCE_SUM_BY_INPUT_SINCE: i64 = 13;
const REDUCE_BY_INPUT_SINCE: i64 = 18;
