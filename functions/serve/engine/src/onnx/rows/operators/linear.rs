//! Matrix products.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause, broadcast};
use super::super::operator_call::OperatorCall;
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "MatMul" => one(product(call, 0, 1)),
        "MatMulInteger" => one(scaled(call, &[2], 1)),
        "QLinearMatMul" => one(scaled(call, &[1, 2, 6, 7], 3)),
        "Gemm" => one(gemm(call)),
        "Det" => one(determinant(call)),
        _ => return None,
    })
}

pub(super) fn interpret_contributed(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "MatMulNBits" | "MatMulBnb4" => one(packed(call)),
        "FusedMatMul" | "TransposeMatMul" => one(fused(call)),
        "MatMulIntegerToFloat" => one(scaled(call, &[2, 4], 1)),
        "FusedGemm" => one(gemm(call)),
        _ => return None,
    })
}

/// The product of the first input and the one at `other`, with scales and zero points that hold for all rows. Inputs in
/// `single` have one value, since a vector on the left would have one for each row.
fn scaled(call: &mut OperatorCall<'_>, single: &[usize], other: usize) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0, other])?;
    match single.iter().find(|place| call.optional(**place).is_some() && !call.is_single(**place)) {
        Some(place) => Err(format!("has a scale or zero point for each row in input {place}")),
        None => product(call, 0, other),
    }
}

/// `numpy.matmul`.
fn product(call: &mut OperatorCall<'_>, one: usize, other: usize) -> Result<AbstractTensor, FailureCause> {
    let ((one, shape), (other, by)) = (call.ranked(one)?, call.ranked(other)?);
    matmul(call, (&one, &shape), (&other, &by))
}

fn matmul(
    call: &mut OperatorCall<'_>,
    (one, shape): (&AbstractTensor, &[SymbolicSize]),
    (other, by): (&AbstractTensor, &[SymbolicSize]),
) -> Result<AbstractTensor, FailureCause> {
    if shape.is_empty() || by.is_empty() {
        return Err("takes a scalar".to_owned());
    }
    // A vector on the left is a row and one on the right a column; both are removed afterwards.
    let (left, right) = (shape.len().max(2), by.len().max(2));
    let sums = "sums over the batch dimension";
    if one.batch().is_some_and(|batch| batch.axis + 1 == shape.len()) {
        return Err(sums.to_owned());
    }
    if other.batch().is_some_and(|batch| by.len() < 2 || batch.axis + 2 == by.len()) {
        return Err(sums.to_owned());
    }
    let rank = left.max(right);
    // The batch dimension of the result, before those of vectors are removed.
    let at = |batch: &BatchAxis, own: usize| batch.at(batch.axis + rank - own);
    let in_rows = one.batch().map(|batch| at(batch, left));
    let in_columns = other.batch().map(|batch| at(batch, right));
    let stacked = |batch: &BatchAxis| batch.axis + 2 < rank;
    let batch = match (in_rows, in_columns) {
        (Some(one), Some(other)) if one.matches(&other) && stacked(&one) => Some(one),
        (Some(_), Some(_)) => return Err("multiplies rows by other rows".to_owned()),
        (Some(batch), None) | (None, Some(batch)) => Some(batch),
        (None, None) => None,
    };
    let head = |tensor: &AbstractTensor, sizes: &[SymbolicSize]| {
        let sizes = sizes[..sizes.len().saturating_sub(2)].to_vec();
        let axis = tensor.batch().filter(|batch| batch.axis < sizes.len()).cloned();
        AbstractTensor::of(Some(sizes), axis)
    };
    let stack = broadcast(&[&head(one, shape)?, &head(other, by)?], call.symbols)?;
    let mut result = stack.shape().unwrap_or_default().to_vec();
    let mut batch = batch;
    match shape {
        [.., rows, _] => result.push(rows.clone()),
        _ => batch = batch.map(|batch| batch.at(batch.axis - usize::from(batch.axis + 1 >= rank))),
    }
    if let [.., _, columns] = by {
        result.push(columns.clone());
    }
    AbstractTensor::of(Some(result), batch)
}

fn gemm(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let ((one, shape), (other, by)) = (call.ranked(0)?, call.ranked(1)?);
    let ([_, _], [_, _]) = (&shape[..], &by[..]) else { return Err("has no matrices".to_owned()) };
    let rows = usize::from(call.integer("transA", 0) != 0);
    let columns = usize::from(call.integer("transB", 0) == 0);
    let batch = match (one.batch(), other.batch()) {
        (Some(_), Some(_)) => return Err("multiplies rows by other rows".to_owned()),
        (Some(batch), None) if batch.axis == rows => Some(batch.at(0)),
        (None, Some(batch)) if batch.axis == columns => Some(batch.at(1)),
        (None, None) => None,
        _ => return Err("sums over the batch dimension".to_owned()),
    };
    let product = AbstractTensor::of(Some(vec![shape[rows].clone(), by[columns].clone()]), batch)?;
    match call.optional(2).cloned() {
        Some(added) => {
            let sum = broadcast(&[&product, &added], call.symbols)?;
            if sum.rank() == Some(2) { Ok(sum) } else { Err("adds a tensor of more dimensions".to_owned()) }
        }
        None => Ok(product),
    }
}

/// Weights packed in few bits, a matrix with one row for each output.
fn packed(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0])?;
    let (input, mut shape) = call.ranked(0)?;
    let last = shape.len().checked_sub(1).ok_or("takes a scalar")?;
    if input.batch().is_some_and(|batch| batch.axis == last) {
        return Err("sums over the batch dimension".to_owned());
    }
    shape[last] = call.attributes.integer("N").map_or_else(|| call.symbols.any(), SymbolicSize::of);
    AbstractTensor::of(Some(shape), input.batch().cloned())
}

fn fused(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    if call.integer("transBatchA", 0) != 0 || call.integer("transBatchB", 0) != 0 {
        return Err("moves the batch dimension".to_owned());
    }
    let turned = |place: usize, name: &str| -> Result<(AbstractTensor, Vec<SymbolicSize>), FailureCause> {
        let (tensor, mut shape) = call.ranked(place)?;
        if call.integer(name, 0) == 0 || shape.len() < 2 {
            return Ok((tensor, shape));
        }
        let last = shape.len() - 1;
        shape.swap(last, last - 1);
        let batch = tensor.batch().map(|batch| match batch.axis {
            axis if axis == last => batch.at(last - 1),
            axis if axis + 1 == last => batch.at(last),
            _ => batch.clone(),
        });
        Ok((AbstractTensor::of(Some(shape.clone()), batch)?, shape))
    };
    let ((one, shape), (other, by)) = (turned(0, "transA")?, turned(1, "transB")?);
    matmul(call, (&one, &shape), (&other, &by))
}

fn determinant(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let stack = shape.len().checked_sub(2).ok_or("takes no matrix")?;
    if input.batch().is_some_and(|batch| batch.axis >= stack) {
        return Err("takes the batch dimension as one of a matrix".to_owned());
    }
    AbstractTensor::of(Some(shape[..stack].to_vec()), input.batch().cloned())
}
