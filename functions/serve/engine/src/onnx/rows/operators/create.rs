//! Operators that make tensors of shapes.

use super::super::call::Call;
use super::super::size::Size;
use super::super::tensor::{Batch, Cause, Number, Tensor};
use super::{Followed, one};

pub(super) fn follow(call: &mut Call<'_>) -> Option<Followed> {
    Some(match call.operator {
        "ConstantOfShape" => one(filled(call)),
        "Range" => one(range(call)),
        "Shape" | "Size" => one(Err("asks for a shape that is not known".to_owned())),
        "NonZero" => one(places(call)),
        "EyeLike" => one(eye(call)),
        _ => return None,
    })
}

/// One value at all places, so rows may lie in the dimension that has their number.
fn filled(call: &mut Call<'_>) -> Result<Tensor, Cause> {
    let shape = call.input(0)?;
    let Some(known) = shape.known() else {
        if !shape.is_shared() {
            return Err("takes its shape from the rows".to_owned());
        }
        let rank = shape.shape().and_then(|shape| shape.first()?.number()).and_then(|rank| usize::try_from(rank).ok());
        let rank = rank.filter(|rank| *rank <= MAX_RANK);
        return Ok(Tensor::shared(rank.map(|rank| (0..rank).map(|_| call.symbols.any()).collect())));
    };
    let mut batch = None;
    let mut sizes = Vec::with_capacity(known.len());
    for (axis, size) in known.iter().enumerate() {
        if size.has_batch() {
            let inner = size.per_row().ok_or("gives a dimension a size that depends on the batch otherwise")?;
            if batch.replace(Batch { axis, outer: Size::of(1), inner }).is_some() {
                return Err("gives two dimensions the size of the batch".to_owned());
            }
        }
        let is_known = size.has_batch() || size.is_size(call.symbols);
        sizes.push(if is_known { size.clone() } else { call.symbols.any() });
    }
    Tensor::of(Some(sizes), batch)
}

fn range(call: &mut Call<'_>) -> Result<Tensor, Cause> {
    if call.inputs.iter().flatten().any(|input| input.batch().is_some()) {
        return Err("counts as far as the rows say".to_owned());
    }
    let number = |place: usize| call.optional(place).and_then(Tensor::known).and_then(|known| known.first()).cloned();
    let plain = number(0).is_some_and(|start| start.is(0)) && number(2).is_some_and(|step| step.is(1));
    let counted = call.inputs.iter().flatten().any(Tensor::counts_rows);
    if counted && plain && number(1) == Some(Size::batch()) {
        let places = Tensor::rows(vec![Size::batch()], Batch::whole(0))?;
        return Ok(places.with_number(Number::Place));
    }
    if counted {
        return Err("counts as far as there are rows".to_owned());
    }
    let limit = number(1).filter(|limit| plain && limit.is_size(call.symbols));
    Ok(Tensor::shared(Some(vec![limit.unwrap_or_else(|| call.symbols.any())])))
}

fn places(call: &mut Call<'_>) -> Result<Tensor, Cause> {
    let (input, shape) = call.ranked(0)?;
    if input.batch().is_some() {
        return Err("lists the places of values in all rows".to_owned());
    }
    let rank = Size::of(i64::try_from(shape.len()).unwrap_or(i64::MAX));
    Ok(Tensor::shared(Some(vec![rank, call.symbols.any()])))
}

fn eye(call: &Call<'_>) -> Result<Tensor, Cause> {
    let input = call.input(0)?;
    if input.batch().is_some() {
        return Err("gives each row another value, by its place in the batch".to_owned());
    }
    Ok(input.without_values())
}

const MAX_RANK: usize = 64;
