//! Operators of classical machine learning (`ai.onnx.ml`): a feature matrix, whose rows are the batch.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::super::operator_call::OperatorCall;
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "TreeEnsembleClassifier" | "LinearClassifier" | "SVMClassifier" => classifier(call),
        "TreeEnsembleRegressor" | "LinearRegressor" | "SVMRegressor" | "TreeEnsemble" => {
            one(matrix(call).and_then(|(rows, batch)| {
                let targets = call.symbols.any();
                AbstractTensor::of(Some(vec![rows, targets]), batch)
            }))
        }
        "Scaler" | "Normalizer" | "Imputer" => one(matrix(call).and_then(|_| Ok(call.input(0)?.without_values()))),
        "Binarizer" | "LabelEncoder" | "CategoryMapper" => one(call.input(0).map(|input| input.without_values())),
        "ArrayFeatureExtractor" => one(columns(call)),
        "OneHotEncoder" => one(one_hot(call)),
        "FeatureVectorizer" => one(side_by_side(call)),
        _ => return None,
    })
}

/// The number of rows of a feature matrix, whose rows are the batch. One dimension would be the features of one row.
fn matrix(call: &OperatorCall<'_>) -> Result<(SymbolicSize, Option<BatchAxis>), FailureCause> {
    call.require_shared_except(&[0])?;
    let (input, shape) = call.ranked(0)?;
    let [rows, _] = &shape[..] else { return Err("takes no matrix of features".to_owned()) };
    match input.batch() {
        Some(batch) if *batch != BatchAxis::whole(0) => Err("takes the batch dimension for features".to_owned()),
        batch => Ok((rows.clone(), batch.cloned())),
    }
}

fn classifier(call: &mut OperatorCall<'_>) -> InterpretResult {
    let (rows, batch) = matrix(call)?;
    let labels = AbstractTensor::of(Some(vec![rows.clone()]), batch.clone())?;
    let scores = AbstractTensor::of(Some(vec![rows, call.symbols.any()]), batch)?;
    Ok(vec![labels, scores])
}

/// Picks columns of the last dimension.
fn columns(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared([1])?;
    let (input, mut shape) = call.ranked(0)?;
    let last = shape.len().checked_sub(1).ok_or("takes a scalar")?;
    if input.batch().is_some() && (last == 0 || input.batch().is_some_and(|batch| batch.axis == last)) {
        return Err("picks along the batch dimension".to_owned());
    }
    shape[last] = call.symbols.any();
    AbstractTensor::of(Some(shape), input.batch().cloned())
}

fn one_hot(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, mut shape) = call.ranked(0)?;
    shape.push(call.symbols.any());
    AbstractTensor::of(Some(shape), input.batch().cloned())
}

fn side_by_side(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let mut rows: Option<(SymbolicSize, Option<BatchAxis>)> = None;
    for input in call.inputs.iter().flatten() {
        let shape = input.shape().ok_or("has an unknown number of dimensions")?;
        let [first, _] = shape else { return Err("takes no matrix of features".to_owned()) };
        let own = (first.clone(), input.batch().cloned());
        if rows.as_ref().is_some_and(|rows| *rows != own)
            || input.batch().is_some_and(|batch| *batch != BatchAxis::whole(0))
        {
            return Err("puts rows beside values that are not theirs".to_owned());
        }
        rows = Some(own);
    }
    let (rows, batch) = rows.ok_or("has no inputs")?;
    AbstractTensor::of(Some(vec![rows, call.symbols.any()]), batch)
}
