//! Operators of classical machine learning (`ai.onnx.ml`): a matrix with a row of features for each row.

use super::super::call::Call;
use super::super::size::Size;
use super::super::tensor::{Batch, Cause, Tensor};
use super::{Followed, one};

pub(super) fn follow(call: &mut Call<'_>) -> Option<Followed> {
    Some(match call.operator {
        "TreeEnsembleClassifier" | "LinearClassifier" | "SVMClassifier" => classifier(call),
        "TreeEnsembleRegressor" | "LinearRegressor" | "SVMRegressor" | "TreeEnsemble" => {
            one(matrix(call).and_then(|(rows, batch)| {
                let targets = call.symbols.any();
                Tensor::of(Some(vec![rows, targets]), batch)
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

/// The number of rows of a matrix of features, whose rows are the batch. One dimension would be the features of one row.
fn matrix(call: &Call<'_>) -> Result<(Size, Option<Batch>), Cause> {
    call.shared_but(&[0])?;
    let (input, shape) = call.ranked(0)?;
    let [rows, _] = &shape[..] else { return Err("takes no matrix of features".to_owned()) };
    match input.batch() {
        Some(batch) if *batch != Batch::whole(0) => Err("takes the batch dimension for features".to_owned()),
        batch => Ok((rows.clone(), batch.cloned())),
    }
}

fn classifier(call: &mut Call<'_>) -> Followed {
    let (rows, batch) = matrix(call)?;
    let labels = Tensor::of(Some(vec![rows.clone()]), batch.clone())?;
    let scores = Tensor::of(Some(vec![rows, call.symbols.any()]), batch)?;
    Ok(vec![labels, scores])
}

/// Picks of the last dimension.
fn columns(call: &mut Call<'_>) -> Result<Tensor, Cause> {
    call.shared([1])?;
    let (input, mut shape) = call.ranked(0)?;
    let last = shape.len().checked_sub(1).ok_or("takes a scalar")?;
    if input.batch().is_some() && (last == 0 || input.batch().is_some_and(|batch| batch.axis == last)) {
        return Err("picks along the batch dimension".to_owned());
    }
    shape[last] = call.symbols.any();
    Tensor::of(Some(shape), input.batch().cloned())
}

fn one_hot(call: &mut Call<'_>) -> Result<Tensor, Cause> {
    let (input, mut shape) = call.ranked(0)?;
    shape.push(call.symbols.any());
    Tensor::of(Some(shape), input.batch().cloned())
}

fn side_by_side(call: &mut Call<'_>) -> Result<Tensor, Cause> {
    let mut rows: Option<(Size, Option<Batch>)> = None;
    for input in call.inputs.iter().flatten() {
        let shape = input.shape().ok_or("has an unknown number of dimensions")?;
        let [first, _] = shape else { return Err("takes no matrix of features".to_owned()) };
        let own = (first.clone(), input.batch().cloned());
        if rows.as_ref().is_some_and(|rows| *rows != own)
            || input.batch().is_some_and(|batch| *batch != Batch::whole(0))
        {
            return Err("puts rows beside values that are not theirs".to_owned());
        }
        rows = Some(own);
    }
    let (rows, batch) = rows.ok_or("has no inputs")?;
    Tensor::of(Some(vec![rows, call.symbols.any()]), batch)
}
