//! The numbers of an output.

use amaas_model::PredictError;
use amaas_wire::{Tensor, TensorData};

/// The values of the output `name` in `outputs`, as FP32, and their shape without the batch of 1.
///
/// # Errors
/// If there is no such output of numbers, or a value is not finite.
pub(super) fn values(outputs: &[Tensor], name: &str) -> Result<(Vec<f32>, Vec<usize>), PredictError> {
    let (values, shape) = numbers(outputs, name)?;
    let [1, shape @ ..] = shape else {
        return Err(PredictError::internal(format!("output {name:?}: expected a batch of 1, got {shape:?}")));
    };
    Ok((values, shape.to_vec()))
}

/// The values of the output `name` in `outputs`, as FP32, one list for each of `count` rows.
///
/// # Errors
/// As [`values`], or if there are not `count` rows.
pub(super) fn rows(outputs: &[Tensor], name: &str, count: usize) -> Result<Vec<Vec<f32>>, PredictError> {
    let (values, shape) = numbers(outputs, name)?;
    let width = values.len() / count.max(1);
    if shape.first() != Some(&count) || width == 0 {
        return Err(PredictError::internal(format!("output {name:?}: expected {count} rows, got {shape:?}")));
    }
    Ok(values.chunks_exact(width).map(<[f32]>::to_vec).collect())
}

/// The index and value of the largest of `values`; the first of equal ones.
pub(super) fn largest(values: &[f32]) -> Option<(usize, f32)> {
    let values = values.iter().copied().enumerate();
    values.reduce(|best, other| if other.1 > best.1 { other } else { best })
}

#[allow(clippy::cast_possible_truncation)] // answers need no more than FP32
fn numbers<'o>(outputs: &'o [Tensor], name: &str) -> Result<(Vec<f32>, &'o [usize]), PredictError> {
    let output = outputs.iter().find(|output| output.name() == name);
    let output = output.ok_or_else(|| PredictError::internal(format!("the network gave no output {name:?}")))?;
    let values: Vec<f32> = match output.data() {
        TensorData::Fp32(values) => values.to_vec(),
        TensorData::Fp16(values) => values.iter().map(|value| value.to_f32()).collect(),
        TensorData::Fp64(values) => values.iter().map(|value| *value as f32).collect(),
        data => {
            let got = data.datatype();
            return Err(PredictError::internal(format!("output {name:?}: expected numbers, got {got}")));
        }
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err(PredictError::not_finite(format!("the network gave {name:?} a value that is no finite number")));
    }
    Ok((values, output.shape()))
}
