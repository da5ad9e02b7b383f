//! The outputs of one row of a run.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_wire::{Tensor, TensorData};

/// The outputs of one row of a run.
#[derive(Clone, Debug)]
pub(super) struct RowOutputs {
    outputs: Arc<Vec<Tensor>>,
    row: usize,
    rows: usize,
    /// The tokens of the row, without padding.
    tokens: usize,
}

/// The values of one output for one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RowValues {
    pub(super) values: Vec<f32>,
    /// The shape without the batch.
    pub(super) shape: Vec<usize>,
}

impl RowOutputs {
    /// The outputs of row `row` of `rows` rows, which has `tokens` tokens.
    pub(super) fn new(outputs: Arc<Vec<Tensor>>, (row, rows): (usize, usize), tokens: usize) -> Self {
        Self { outputs, row, rows, tokens }
    }

    /// The values of the output `name`, as FP32.
    ///
    /// # Errors
    /// If there is no such output of numbers, or a value is not finite.
    pub(super) fn values(&self, name: &str) -> Result<RowValues, PredictError> {
        let output = self.output(name)?;
        let size = output.data().len() / self.rows.max(1);
        let values = finite(name, slice(output.data(), self.row * size, size))?;
        Ok(RowValues { values, shape: output.shape()[1..].to_vec() })
    }

    /// The vector of the token `token` in the output `name`, which has one for each token.
    ///
    /// # Errors
    /// As [`values`](Self::values), or if there is no such token.
    pub(super) fn token_vector(&self, name: &str, token: usize) -> Result<Vec<f32>, PredictError> {
        let output = self.output(name)?;
        match *output.shape() {
            [_, tokens, width] if token < tokens => {
                finite(name, slice(output.data(), (self.row * tokens + token) * width, width))
            }
            ref shape => Err(PredictError::internal(format!(
                "output {name:?}: expected [batch, sequence, width], got {shape:?}"
            ))),
        }
    }

    /// The output `name`, which has a row for each row of the run.
    fn output(&self, name: &str) -> Result<&Tensor, PredictError> {
        let output = self.outputs.iter().find(|output| output.name() == name);
        let output = output.ok_or_else(|| PredictError::internal(format!("the network gave no output {name:?}")))?;
        if output.shape().first() == Some(&self.rows) {
            return Ok(output);
        }
        let (rows, got) = (self.rows, output.shape().first().copied().unwrap_or_default());
        Err(PredictError::internal(format!("output {name:?}: expected {rows} rows, got {got}")))
    }

    /// The values of an output with one vector for each token, `[tokens, width]`, without padding.
    ///
    /// # Errors
    /// If the output has another shape.
    pub(super) fn token_vectors(&self, name: &str) -> Result<RowValues, PredictError> {
        let RowValues { mut values, shape } = self.values(name)?;
        match *shape {
            [tokens, width] if tokens >= self.tokens => {
                values.truncate(self.tokens * width);
                Ok(RowValues { values, shape: vec![self.tokens, width] })
            }
            _ => Err(PredictError::internal(format!(
                "output {name:?}: expected [batch, sequence, width], got {shape:?} a row"
            ))),
        }
    }
}

/// `values` if they are finite numbers.
fn finite(name: &str, values: Option<Vec<f32>>) -> Result<Vec<f32>, PredictError> {
    let values = values.ok_or_else(|| PredictError::internal(format!("output {name:?}: expected numbers")))?;
    if values.iter().all(|value| value.is_finite()) {
        return Ok(values);
    }
    Err(PredictError::not_finite(format!("the network gave {name:?} a value that is no finite number")))
}

#[allow(clippy::cast_possible_truncation)] // scores of FP64 need no more than FP32
fn slice(data: &TensorData, from: usize, size: usize) -> Option<Vec<f32>> {
    let range = from..from.checked_add(size)?;
    Some(match data {
        TensorData::Fp32(values) => values.get(range)?.to_vec(),
        TensorData::Fp16(values) => values.get(range)?.iter().map(|value| value.to_f32()).collect(),
        TensorData::Fp64(values) => values.get(range)?.iter().map(|value| *value as f32).collect(),
        _ => return None,
    })
}
