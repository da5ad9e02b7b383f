//! Operators that work along a dimension.

use super::super::call::{Call, apart, axis};
use super::super::size::Size;
use super::super::tensor::{Batch, Cause, Tensor};
use super::{Followed, one};

pub(super) fn follow(call: &mut Call<'_>) -> Option<Followed> {
    Some(match call.operator {
        "Softmax" | "LogSoftmax" | "Hardmax" => one(softmax(call)),
        "ArgMax" | "ArgMin" => one(arg(call)),
        "CumSum" | "CumProd" => one(cumulate(call)),
        "LpNormalization" => one(along(call, -1)),
        operator if operator.starts_with("Reduce") => one(reduce(call)),
        _ => return None,
    })
}

fn softmax(call: &Call<'_>) -> Result<Tensor, Cause> {
    let (input, shape) = call.ranked(0)?;
    if call.version >= SOFTMAX_ALONG_ONE_SINCE {
        return along(call, -1);
    }
    // All dimensions from that one on are one.
    let from = axis(call.integer("axis", 1), shape.len().max(1))?;
    match input.batch() {
        Some(batch) if batch.axis >= from => Err("normalises over the batch dimension".to_owned()),
        _ => Ok(input.without_values()),
    }
}

/// Along one dimension, which keeps its size.
fn along(call: &Call<'_>, default: i64) -> Result<Tensor, Cause> {
    let (input, shape) = call.ranked(0)?;
    apart(&input, axis(call.integer("axis", default), shape.len())?, "normalises over")?;
    Ok(input.without_values())
}

fn cumulate(call: &Call<'_>) -> Result<Tensor, Cause> {
    let (input, shape) = call.ranked(0)?;
    call.shared([1])?;
    let Some(places) = call.optional(1).and_then(Tensor::constants) else {
        return if input.batch().is_some() {
            Err("sums up along a dimension that is not constant".to_owned())
        } else {
            Ok(input.without_values())
        };
    };
    let place = places.first().copied().ok_or("names no dimension")?;
    apart(&input, axis(place, shape.len())?, "sums up along")?;
    Ok(input.without_values())
}

fn arg(call: &Call<'_>) -> Result<Tensor, Cause> {
    let (input, shape) = call.ranked(0)?;
    let place = axis(call.integer("axis", 0), shape.len())?;
    apart(&input, place, "selects along")?;
    reduced(&input, shape, &[place], call.integer("keepdims", 1) != 0)
}

fn reduce(call: &Call<'_>) -> Result<Tensor, Cause> {
    let (input, shape) = call.ranked(0)?;
    let since = if call.operator == "ReduceSum" { REDUCE_SUM_BY_INPUT_SINCE } else { REDUCE_BY_INPUT_SINCE };
    let axes = call.axes(since, 1)?.filter(|axes| !axes.is_empty());
    let axes = match axes {
        None if call.integer("noop_with_empty_axes", 0) != 0 => return Ok(input.without_values()),
        None => (0..shape.len()).collect(),
        Some(axes) => axes.into_iter().map(|place| axis(place, shape.len())).collect::<Result<Vec<_>, _>>()?,
    };
    axes.iter().try_for_each(|place| apart(&input, *place, "reduces"))?;
    reduced(&input, shape, &axes, call.integer("keepdims", 1) != 0)
}

/// `input` with these dimensions of size 1, or without them.
fn reduced(input: &Tensor, mut shape: Vec<Size>, axes: &[usize], keep: bool) -> Result<Tensor, Cause> {
    if keep {
        for place in axes {
            shape[*place] = Size::of(1);
        }
        return Tensor::of(Some(shape), input.batch().cloned());
    }
    let left = shape.into_iter().enumerate().filter(|(place, _)| !axes.contains(place)).map(|(_, size)| size).collect();
    let before = |batch: &Batch| (0..batch.axis).filter(|place| axes.contains(place)).count();
    Tensor::of(Some(left), input.batch().map(|batch| batch.at(batch.axis - before(batch))))
}

/// The operator set since which `Softmax` works along one dimension.
const SOFTMAX_ALONG_ONE_SINCE: i64 = 13;
/// The operator sets since which the dimensions to be reduced are an input.
const REDUCE_SUM_BY_INPUT_SINCE: i64 = 13;
const REDUCE_BY_INPUT_SINCE: i64 = 18;
