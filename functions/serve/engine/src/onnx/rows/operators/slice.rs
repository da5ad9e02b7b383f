//! Operators that slice, split or pad a dimension.

use super::super::abstract_tensor::{AbstractTensor, FailureCause};
use super::super::operator_call::{OperatorCall, axis, require_other_axis};
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "Slice" => one(slice(call)),
        "Split" => split(call),
        "Pad" => one(pad(call)),
        "TopK" => top(call),
        "Trilu" => one(trilu(call)),
        _ => return None,
    })
}

/// The operands of `Slice` for each of its axes.
pub(crate) struct SliceOperands {
    /// `None` if they are omitted: the first axes.
    pub axes: Option<Vec<i64>>,
    pub starts: Vec<SymbolicSize>,
    pub ends: Vec<SymbolicSize>,
    pub steps: Vec<SymbolicSize>,
}

/// The operands of `Slice`, which are attributes before operator set 10.
pub(crate) fn slices(call: &OperatorCall<'_>) -> Result<SliceOperands, FailureCause> {
    let attribute = |name| call.attributes.integers(name);
    if call.version < SLICE_BY_INPUT_SINCE {
        let sizes = |name| Some(attribute(name)?.iter().copied().map(SymbolicSize::of).collect::<Vec<_>>());
        let (starts, ends) = sizes("starts").zip(sizes("ends")).ok_or("has no starts and ends")?;
        let steps = vec![SymbolicSize::of(1); starts.len()];
        return Ok(SliceOperands { axes: attribute("axes").map(<[i64]>::to_vec), starts, ends, steps });
    }
    let known = |place: usize| call.optional(place).and_then(AbstractTensor::known).map(<[SymbolicSize]>::to_vec);
    let count = |place: usize| {
        let shape = call.optional(place).and_then(AbstractTensor::shape)?;
        usize::try_from(shape.first()?.number()?).ok()
    };
    let axes = match call.optional(3) {
        Some(axes) => Some(axes.constants().ok_or("has axes that are not constant")?),
        None => None,
    };
    let length = axes.as_ref().map(Vec::len).or_else(|| count(1)).or_else(|| known(1).map(|starts| starts.len()));
    let length = length.ok_or("has an unknown number of axes")?;
    let bounds = |place: usize| match (known(place), call.optional(place)) {
        (Some(known), _) => Ok(known),
        (None, Some(bound)) if bound.is_shared() => Ok(vec![SymbolicSize::of(UNKNOWN); length]),
        (None, Some(_)) => Err("takes a part that the rows decide".to_owned()),
        (None, None) => Err("has no starts or no ends".to_owned()),
    };
    let steps = match call.optional(4) {
        Some(_) => known(4).ok_or("has steps that are not known")?,
        None => vec![SymbolicSize::of(1); length],
    };
    let (starts, ends) = (bounds(1)?, bounds(2)?);
    let lengths = [starts.len(), ends.len(), steps.len(), axes.as_ref().map_or(length, Vec::len)];
    if lengths.iter().any(|own| *own != length) {
        return Err("has bounds of another number of axes".to_owned());
    }
    Ok(SliceOperands { axes, starts, ends, steps })
}

fn slice(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let SliceOperands { axes, starts, ends, steps } = slices(call)?;
    let (input, mut shape) = call.ranked(0)?;
    let axes = axes.unwrap_or_else(|| (0..i64::try_from(starts.len()).unwrap_or(0)).collect());
    for (((along, start), end), step) in axes.iter().zip(&starts).zip(&ends).zip(&steps) {
        let along = axis(*along, shape.len())?;
        let is_to_end = *end == shape[along] || end.number().is_some_and(|end| end >= TO_THE_END);
        if start.is(0) && step.is(1) && is_to_end {
            continue;
        }
        require_other_axis(&input, along, "takes a part of")?;
        if start.has_batch() || end.has_batch() || step.has_batch() {
            return Err("takes a part whose size depends on the number of rows".to_owned());
        }
        shape[along] = part(&shape[along], [start, end, step], call);
    }
    AbstractTensor::of(Some(shape), input.batch().cloned())
}

/// The size of a slice.
fn part(size: &SymbolicSize, [start, end, step]: [&SymbolicSize; 3], call: &mut OperatorCall<'_>) -> SymbolicSize {
    let numbers = size.number().zip(start.number()).zip(end.number()).zip(step.number());
    if let Some((((size, start), end), step)) = numbers
        && start != UNKNOWN
        && end != UNKNOWN
        && step != 0
    {
        let from_end = |place: i64| if place < 0 { place.saturating_add(size) } else { place };
        let count = if step > 0 {
            let (start, end) = (from_end(start).clamp(0, size), from_end(end).clamp(0, size));
            (end - start).max(0).saturating_add(step - 1) / step
        } else {
            let (start, end) = (from_end(start).clamp(0, size - 1), from_end(end).clamp(-1, size - 1));
            (start - end).max(0).saturating_sub(1).saturating_sub(step) / step.saturating_neg()
        };
        return SymbolicSize::of(count);
    }
    if step.is(1) && start.is(0) && !end.is(UNKNOWN) && end.is_non_negative(call.symbols) {
        let least = size.minus(end).is_some_and(|rest| rest.is_non_negative(call.symbols));
        if least {
            return end.clone();
        }
    }
    if start.is(UNKNOWN) || end.is(UNKNOWN) {
        return call.symbols.any();
    }
    let places = call.symbols.result("slice", vec![size.clone(), start.clone(), end.clone(), step.clone()], false);
    call.symbols.bound(&places, size.clone());
    let span = end.minus(start).filter(|span| span.is_non_negative(call.symbols));
    if let Some(span) =
        span.filter(|_| start.is_non_negative(call.symbols) && step.number().is_some_and(|step| step > 0))
    {
        call.symbols.bound(&places, span);
    }
    places
}

fn split(call: &mut OperatorCall<'_>) -> InterpretResult {
    call.require_shared([1])?;
    let (input, shape) = call.ranked(0)?;
    let along = axis(call.integer("axis", 0), shape.len())?;
    require_other_axis(&input, along, "splits")?;
    let attribute =
        call.attributes.integers("split").map(|sizes| sizes.iter().copied().map(SymbolicSize::of).collect::<Vec<_>>());
    let sizes = call.optional(1).and_then(AbstractTensor::known).map(<[SymbolicSize]>::to_vec).or(attribute);
    let count = i64::try_from(call.outputs).unwrap_or(i64::MAX);
    let sizes = match (sizes, shape[along].number()) {
        (Some(sizes), _) if sizes.iter().all(|size| !size.has_batch() && size.is_non_negative(call.symbols)) => sizes,
        (None, Some(all)) if call.optional(1).is_none() && count > 0 => {
            let each = all.saturating_add(count - 1) / count;
            (0..count).map(|place| SymbolicSize::of(each.min(all - place * each).max(0))).collect()
        }
        _ => (0..call.outputs).map(|_| call.symbols.any()).collect(),
    };
    let part = |size: SymbolicSize| {
        let mut shape = shape.clone();
        shape[along] = size;
        AbstractTensor::of(Some(shape), input.batch().cloned())
    };
    sizes.into_iter().map(part).collect()
}

fn pad(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0])?;
    let (input, shape) = call.ranked(0)?;
    let pads: Vec<SymbolicSize> =
        match call.attributes.integers("pads").or_else(|| call.attributes.integers("paddings")) {
            Some(pads) => pads.iter().copied().map(SymbolicSize::of).collect(),
            None => match call.optional(1).and_then(AbstractTensor::known) {
                Some(pads) => pads.to_vec(),
                None if input.batch().is_some() => return Err("adds places that are not known".to_owned()),
                None => return Ok(AbstractTensor::shared(Some(shape.iter().map(|_| call.symbols.any()).collect()))),
            },
        };
    let axes = match call.optional(3) {
        Some(axes) => {
            let axes = axes.constants().ok_or("has axes that are not constant")?;
            axes.into_iter().map(|place| axis(place, shape.len())).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..shape.len()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err("has pads of another number of dimensions".to_owned());
    }
    let mut padded = shape;
    for (place, along) in axes.iter().enumerate() {
        let (before, after) = (&pads[place], &pads[place + axes.len()]);
        if before.is(0) && after.is(0) {
            continue;
        }
        require_other_axis(&input, *along, "adds places to")?;
        let sum = before.plus(after).and_then(|pads| padded[*along].plus(&pads));
        padded[*along] = match sum.filter(|size| !size.has_batch() && size.is_non_negative(call.symbols)) {
            Some(size) => size,
            None if before.has_batch() || after.has_batch() => {
                return Err("adds as many places as there are rows".to_owned());
            }
            None => call.symbols.any(),
        };
    }
    AbstractTensor::of(Some(padded), input.batch().cloned())
}

fn top(call: &mut OperatorCall<'_>) -> InterpretResult {
    let (input, mut shape) = call.ranked(0)?;
    let along = axis(call.integer("axis", -1), shape.len())?;
    require_other_axis(&input, along, "selects along")?;
    call.require_shared([1])?;
    let count = call.optional(1).and_then(AbstractTensor::known).and_then(|known| known.first()).cloned();
    shape[along] = match count.or_else(|| call.attributes.integer("k").map(SymbolicSize::of)) {
        Some(count) if count.is_non_negative(call.symbols) => count,
        _ => call.symbols.any(),
    };
    let output = AbstractTensor::of(Some(shape), input.batch().cloned())?;
    Ok(vec![output; 2])
}

fn trilu(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    call.require_shared([1])?;
    match input.batch() {
        Some(batch) if batch.axis + 2 >= shape.len() => Err("takes a triangle along the batch dimension".to_owned()),
        _ => Ok(input.without_values()),
    }
}

/// The operator set since which `Slice` takes its operands as inputs.
const SLICE_BY_INPUT_SINCE: i64 = 10;
/// Exporters write the largest 32-bit or 64-bit integer for the end of a dimension.
const TO_THE_END: i64 = i32::MAX as i64;
/// A placeholder for an unknown bound that is the same for all calls.
const UNKNOWN: i64 = i64::MIN;
