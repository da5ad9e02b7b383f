//! The places of rows in the batch as values: exporters make them (`Range` up to the number of rows) to pick or write values of each row by
//! its own place, which keeps rows apart. Any other use of them does not.

use super::call::Call;
use super::constant;
use super::operators;
use super::size::Size;
use super::tensor::{Batch, Cause, Number, Tensor};

/// The outputs of an operator that takes places of rows; `None` if it takes none.
pub(super) fn follow(call: &mut Call<'_>) -> Option<Result<Vec<Tensor>, Cause>> {
    let numbers: Vec<Number> =
        call.inputs.iter().map(|input| input.as_ref().map_or(Number::None, Tensor::number)).collect();
    if numbers.iter().all(|number| *number == Number::None) {
        return None;
    }
    let first = numbers[0];
    let only_first = numbers[1..].iter().all(|number| *number == Number::None);
    Some(match call.operator {
        _ if !call.domain.is_empty() => Err(REFUSED.to_owned()),
        "Identity" if only_first => plainly(call, first),
        // A narrower datatype has fewer numbers than there may be rows.
        "Cast" if only_first && WIDE.contains(&call.integer("to", 0)) => plainly(call, first),
        "Reshape" | "Unsqueeze" | "Squeeze" | "Expand" | "Transpose" if only_first && first == Number::Place => {
            plainly(call, first)
        }
        "Concat" => vectors(call, &numbers),
        "ScatterND" if numbers[..] == [Number::None, Number::FirstPlace, Number::None] => scatter(call),
        "GatherND" if numbers[..] == [Number::None, Number::FirstPlace] => gather(call),
        // Exporters add places only to ask for the shape of the sum.
        "Add" => plainly(call, Number::Some),
        _ => Err(REFUSED.to_owned()),
    })
}

/// What the operator does to values that tell nothing, which tell `number` afterwards.
fn plainly(call: &mut Call<'_>, number: Number) -> Result<Vec<Tensor>, Cause> {
    for input in call.inputs.iter_mut().flatten() {
        *input = input.clone().with_number(Number::None);
    }
    let followed = operators::follow(call)?;
    Ok(followed.into_iter().map(|tensor| tensor.with_number(number)).collect())
}

/// Places as the first of vectors of indices.
fn vectors(call: &mut Call<'_>, numbers: &[Number]) -> Result<Vec<Tensor>, Cause> {
    let rank = call.ranked(0)?.1.len();
    let is_last =
        call.integer("axis", 0) == -1 || usize::try_from(call.integer("axis", 0)).is_ok_and(|axis| axis + 1 == rank);
    let is_one = call.ranked(0)?.1.last().is_some_and(|size| size.is(1));
    let others = numbers[1..].iter().all(|number| *number == Number::None);
    if numbers[0] != Number::Place || !others || !is_last || !is_one {
        return Err(REFUSED.to_owned());
    }
    plainly(call, Number::FirstPlace)
}

/// Writes values of each row at its own place.
fn scatter(call: &Call<'_>) -> Result<Vec<Tensor>, Cause> {
    let (data, _) = call.ranked(0)?;
    let whole = |place: usize| call.optional(place).and_then(Tensor::batch) == Some(&Batch::whole(0));
    if !whole(0) || !whole(1) || !whole(2) || call.ranked(1)?.1.len() < 2 {
        return Err("writes values of rows at places of others".to_owned());
    }
    Ok(vec![data.without_values()])
}

/// Picks values of each row by its own place.
fn gather(call: &Call<'_>) -> Result<Vec<Tensor>, Cause> {
    let ((data, shape), (indices, places)) = (call.ranked(0)?, call.ranked(1)?);
    let whole = Some(&Batch::whole(0));
    let depth = places.last().and_then(Size::number).and_then(|depth| usize::try_from(depth).ok());
    let (Some(depth), true) = (depth, call.integer("batch_dims", 0) == 0 && places.len() > 1) else {
        return Err(REFUSED.to_owned());
    };
    if data.batch() != whole || indices.batch() != whole {
        return Err("picks values of rows by the places of others".to_owned());
    }
    let rest = shape.get(depth..).ok_or("has indices of too many dimensions")?;
    let picked = places[..places.len() - 1].iter().chain(rest).cloned().collect();
    Ok(vec![Tensor::of(Some(picked), indices.batch().cloned())?])
}

/// Datatypes that have a number for each row.
const WIDE: [i64; 2] = [constant::INT32 as i64, constant::INT64 as i64];
const REFUSED: &str = "gives each row a value by its place in the batch";
