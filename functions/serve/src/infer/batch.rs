//! Tensors of several calls as one, and the outputs apart again.

use amaas_wire::{Tensor, TensorData, TensorError};

/// One tensor for each input: the rows of all `calls` one after another. Each call has the same inputs in the same
/// order, equal in datatype and in every dimension but the first.
pub(crate) fn join(calls: &[&[Tensor]]) -> Result<Vec<Tensor>, TensorError> {
    let Some((first, _)) = calls.split_first() else { return Ok(Vec::new()) };
    (0..first.len()).map(|input| join_input(&calls.iter().map(|call| &call[input]).collect::<Vec<_>>())).collect()
}

fn join_input(parts: &[&Tensor]) -> Result<Tensor, TensorError> {
    let mut shape = parts[0].shape().to_vec();
    shape[0] = parts.iter().filter_map(|part| part.rows()).sum();
    macro_rules! concat {
        ($variant:ident) => {{
            let mut all = Vec::with_capacity(parts.iter().map(|part| part.data().len()).sum());
            for part in parts {
                if let TensorData::$variant(values) = part.data() {
                    all.extend_from_slice(values);
                }
            }
            TensorData::$variant(all)
        }};
    }
    let data = match parts[0].data() {
        TensorData::Bool(_) => concat!(Bool),
        TensorData::Uint8(_) => concat!(Uint8),
        TensorData::Uint16(_) => concat!(Uint16),
        TensorData::Uint32(_) => concat!(Uint32),
        TensorData::Uint64(_) => concat!(Uint64),
        TensorData::Int8(_) => concat!(Int8),
        TensorData::Int16(_) => concat!(Int16),
        TensorData::Int32(_) => concat!(Int32),
        TensorData::Int64(_) => concat!(Int64),
        TensorData::Fp16(_) => concat!(Fp16),
        TensorData::Fp32(_) => concat!(Fp32),
        TensorData::Fp64(_) => concat!(Fp64),
        TensorData::Bytes(_) => concat!(Bytes),
    };
    Tensor::new(parts[0].name(), shape, data)
}

/// The outputs of each call, which had so many `rows` each; `None` where an output does not have all rows together.
pub(crate) fn split(outputs: &[Tensor], rows: &[usize]) -> Option<Vec<Vec<Tensor>>> {
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
    let range = from * width..(from + rows) * width;
    let data = match output.data() {
        TensorData::Bool(values) => TensorData::Bool(values.get(range)?.to_vec()),
        TensorData::Uint8(values) => TensorData::Uint8(values.get(range)?.to_vec()),
        TensorData::Uint16(values) => TensorData::Uint16(values.get(range)?.to_vec()),
        TensorData::Uint32(values) => TensorData::Uint32(values.get(range)?.to_vec()),
        TensorData::Uint64(values) => TensorData::Uint64(values.get(range)?.to_vec()),
        TensorData::Int8(values) => TensorData::Int8(values.get(range)?.to_vec()),
        TensorData::Int16(values) => TensorData::Int16(values.get(range)?.to_vec()),
        TensorData::Int32(values) => TensorData::Int32(values.get(range)?.to_vec()),
        TensorData::Int64(values) => TensorData::Int64(values.get(range)?.to_vec()),
        TensorData::Fp16(values) => TensorData::Fp16(values.get(range)?.to_vec()),
        TensorData::Fp32(values) => TensorData::Fp32(values.get(range)?.to_vec()),
        TensorData::Fp64(values) => TensorData::Fp64(values.get(range)?.to_vec()),
        TensorData::Bytes(values) => TensorData::Bytes(values.get(range)?.to_vec()),
    };
    Tensor::new(output.name(), shape, data).ok()
}
