//! Joins the tensors of several calls into a batch, and splits its outputs.

use amaas_wire::{Tensor, TensorData, TensorError, for_each_datatype};

/// One tensor for each input: the rows of all `calls` one after another. Each call has the same inputs in the same
/// order, with the same datatype and the same dimensions except the first.
pub fn join(calls: &[&[Tensor]]) -> Result<Vec<Tensor>, TensorError> {
    let Some((first, _)) = calls.split_first() else { return Ok(Vec::new()) };
    (0..first.len()).map(|input| join_input(&calls.iter().map(|call| &call[input]).collect::<Vec<_>>())).collect()
}

fn join_input(parts: &[&Tensor]) -> Result<Tensor, TensorError> {
    let mut shape = parts[0].shape().to_vec();
    shape[0] = parts.iter().filter_map(|part| part.rows()).sum();
    let mut data = TensorData::empty(parts[0].datatype());
    for_each_datatype!(&mut data, values => values.reserve_exact(parts.iter().map(|part| part.data().len()).sum()));
    for part in parts {
        // A part with a different datatype is skipped; then the number of values does not fit the shape.
        let _ = data.extend_from(part.data());
    }
    Tensor::new(parts[0].name(), shape, data)
}

/// The outputs of each call, given the number of `rows` of each. `None` if an output does not have all rows.
pub fn split(outputs: &[Tensor], rows: &[usize]) -> Option<Vec<Vec<Tensor>>> {
    let total: usize = rows.iter().sum();
    if outputs.iter().any(|output| output.rows() != Some(total)) {
        return None;
    }
    let mut from = 0;
    rows.iter()
        .map(|rows| {
            let part = outputs.iter().map(|output| slice(output, from, *rows)).collect();
            from += rows;
            part
        })
        .collect()
}

fn slice(output: &Tensor, from: usize, rows: usize) -> Option<Tensor> {
    let mut shape = output.shape().to_vec();
    let width: usize = shape[1..].iter().product();
    shape[0] = rows;
    let data = output.data().slice(from * width..(from + rows) * width)?;
    Tensor::new(output.name(), shape, data).ok()
}
