//! Operators that create tensors from shapes.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause, RowIndices};
use super::super::operator_call::OperatorCall;
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "ConstantOfShape" => one(filled(call)),
        "Range" => one(range(call)),
        "Shape" | "Size" => one(Err("asks for a shape that is not known".to_owned())),
        "NonZero" => one(places(call)),
        "EyeLike" => one(eye(call)),
        _ => return None,
    })
}

/// All values are equal, so the dimension of the batch size may be the batch.
fn filled(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let shape = call.input(0)?;
    let Some(known) = shape.known() else {
        if !shape.is_shared() {
            return Err("takes its shape from the rows".to_owned());
        }
        let rank = shape.shape().and_then(|shape| shape.first()?.number()).and_then(|rank| usize::try_from(rank).ok());
        let rank = rank.filter(|rank| *rank <= MAX_RANK);
        return Ok(AbstractTensor::shared(rank.map(|rank| (0..rank).map(|_| call.symbols.any()).collect())));
    };
    let mut batch = None;
    let mut sizes = Vec::with_capacity(known.len());
    for (axis, size) in known.iter().enumerate() {
        if size.has_batch() {
            let inner = size.per_row().ok_or("gives a dimension a size that depends on the batch otherwise")?;
            if batch.replace(BatchAxis { axis, outer: SymbolicSize::of(1), inner }).is_some() {
                return Err("gives two dimensions the size of the batch".to_owned());
            }
        }
        let is_known = size.has_batch() || size.is_non_negative(call.symbols);
        sizes.push(if is_known { size.clone() } else { call.symbols.any() });
    }
    AbstractTensor::of(Some(sizes), batch)
}

fn range(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    if call.inputs.iter().flatten().any(|input| input.batch().is_some()) {
        return Err("counts as far as the rows say".to_owned());
    }
    let number =
        |place: usize| call.optional(place).and_then(AbstractTensor::known).and_then(|known| known.first()).cloned();
    let plain = number(0).is_some_and(|start| start.is(0)) && number(2).is_some_and(|step| step.is(1));
    let counted = call.inputs.iter().flatten().any(AbstractTensor::depends_on_row_count);
    if counted && plain && number(1) == Some(SymbolicSize::batch()) {
        let places = AbstractTensor::rows(vec![SymbolicSize::batch()], BatchAxis::whole(0))?;
        return Ok(places.with_row_indices(RowIndices::Index));
    }
    if counted {
        return Err("counts as far as there are rows".to_owned());
    }
    let limit = number(1).filter(|limit| plain && limit.is_non_negative(call.symbols));
    Ok(AbstractTensor::shared(Some(vec![limit.unwrap_or_else(|| call.symbols.any())])))
}

fn places(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    if input.batch().is_some() {
        return Err("lists the places of values in all rows".to_owned());
    }
    let rank = SymbolicSize::of(i64::try_from(shape.len()).unwrap_or(i64::MAX));
    Ok(AbstractTensor::shared(Some(vec![rank, call.symbols.any()])))
}

fn eye(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let input = call.input(0)?;
    if input.batch().is_some() {
        return Err("gives each row another value, by its place in the batch".to_owned());
    }
    Ok(input.without_values())
}

const MAX_RANK: usize = 64;
