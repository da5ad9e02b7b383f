//! Values that contain the index of a row in the batch. Exporters create them with `Range` up to the number of rows.
//! Picking or writing values of each row at its own index keeps rows apart; other uses do not.

use super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause, RowIndices};
use super::constant;
use super::operator_call::OperatorCall;
use super::operators;
use super::symbolic_size::SymbolicSize;

/// The outputs of an operator whose inputs contain row indices; `None` if no input does.
pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<Result<Vec<AbstractTensor>, FailureCause>> {
    let numbers: Vec<RowIndices> =
        call.inputs.iter().map(|input| input.as_ref().map_or(RowIndices::None, AbstractTensor::row_indices)).collect();
    if numbers.iter().all(|number| *number == RowIndices::None) {
        return None;
    }
    let first = numbers[0];
    let only_first = numbers[1..].iter().all(|number| *number == RowIndices::None);
    Some(match call.operator {
        _ if !call.domain.is_empty() => Err(REFUSED.to_owned()),
        "Identity" if only_first => interpret_without_indices(call, first),
        // A narrower datatype cannot represent all row indices.
        "Cast" if only_first && WIDE.contains(&call.integer("to", 0)) => interpret_without_indices(call, first),
        "Reshape" | "Unsqueeze" | "Squeeze" | "Expand" | "Transpose" if only_first && first == RowIndices::Index => {
            interpret_without_indices(call, first)
        }
        "Concat" => vectors(call, &numbers),
        "ScatterND" if numbers[..] == [RowIndices::None, RowIndices::FirstIsIndex, RowIndices::None] => scatter(call),
        "GatherND" if numbers[..] == [RowIndices::None, RowIndices::FirstIsIndex] => gather(call),
        // Exporters add row indices only to compute the shape of the sum.
        "Add" => interpret_without_indices(call, RowIndices::Unknown),
        _ => Err(REFUSED.to_owned()),
    })
}

/// The outputs for inputs without row indices, marked as `index` afterwards.
fn interpret_without_indices(
    call: &mut OperatorCall<'_>,
    number: RowIndices,
) -> Result<Vec<AbstractTensor>, FailureCause> {
    for input in call.inputs.iter_mut().flatten() {
        *input = input.clone().with_row_indices(RowIndices::None);
    }
    let interpreted = operators::interpret(call)?;
    Ok(interpreted.into_iter().map(|tensor| tensor.with_row_indices(number)).collect())
}

/// Row indices as the first component of index vectors.
fn vectors(call: &mut OperatorCall<'_>, numbers: &[RowIndices]) -> Result<Vec<AbstractTensor>, FailureCause> {
    let rank = call.ranked(0)?.1.len();
    let is_last =
        call.integer("axis", 0) == -1 || usize::try_from(call.integer("axis", 0)).is_ok_and(|axis| axis + 1 == rank);
    let is_one = call.ranked(0)?.1.last().is_some_and(|size| size.is(1));
    let others = numbers[1..].iter().all(|number| *number == RowIndices::None);
    if numbers[0] != RowIndices::Index || !others || !is_last || !is_one {
        return Err(REFUSED.to_owned());
    }
    interpret_without_indices(call, RowIndices::FirstIsIndex)
}

/// Writes values of each row at its own index.
fn scatter(call: &OperatorCall<'_>) -> Result<Vec<AbstractTensor>, FailureCause> {
    let (data, _) = call.ranked(0)?;
    let whole = |place: usize| call.optional(place).and_then(AbstractTensor::batch) == Some(&BatchAxis::whole(0));
    if !whole(0) || !whole(1) || !whole(2) || call.ranked(1)?.1.len() < 2 {
        return Err("writes values of rows at places of others".to_owned());
    }
    Ok(vec![data.without_values()])
}

/// Picks values of each row by its own index.
fn gather(call: &OperatorCall<'_>) -> Result<Vec<AbstractTensor>, FailureCause> {
    let ((data, shape), (indices, places)) = (call.ranked(0)?, call.ranked(1)?);
    let whole = Some(&BatchAxis::whole(0));
    let depth = places.last().and_then(SymbolicSize::number).and_then(|depth| usize::try_from(depth).ok());
    let (Some(depth), true) = (depth, call.integer("batch_dims", 0) == 0 && places.len() > 1) else {
        return Err(REFUSED.to_owned());
    };
    if data.batch() != whole || indices.batch() != whole {
        return Err("picks values of rows by the places of others".to_owned());
    }
    let rest = shape.get(depth..).ok_or("has indices of too many dimensions")?;
    let picked = places[..places.len() - 1].iter().chain(rest).cloned().collect();
    Ok(vec![AbstractTensor::of(Some(picked), indices.batch().cloned())?])
}

/// Datatypes that represent all row indices.
const WIDE: [i64; 2] = [constant::INT32 as i64, constant::INT64 as i64];
const REFUSED: &str = "gives each row a value by its place in the batch";
