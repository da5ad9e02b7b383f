//! A session that makes tokens: what is past stays in ONNX Runtime's own values from one run to the next.
//!
//! Nothing of a past is copied while its rows stay together; [`Decoder::gather`] copies it once where rows join or leave. On a GPU
//! the values go through main memory between runs.

use std::borrow::Cow;

use bytes::Bytes;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor};

use super::Onnx;
use crate::batching::Sharing;
use crate::error::RunError;
use crate::generate::{CacheTensor, Contract, Decoder};
use crate::infer::{Lost, Network};

/// A network that makes tokens, as ONNX Runtime holds it.
pub struct OnnxDecoder {
    onnx: Onnx,
    contract: Contract,
    sharing: Sharing,
}

/// What is past: a value for each of the contract's cache tensors.
pub struct Past {
    rows: usize,
    length: usize,
    values: Vec<DynValue>,
    /// Goes behind the values, which hold the session.
    _weights: Bytes,
}

impl OnnxDecoder {
    /// `onnx`, whose tensors are `contract`'s, and whose sequences may share runs as `sharing` says.
    pub fn new(onnx: Onnx, contract: Contract, sharing: Sharing) -> Self {
        Self { onnx, contract, sharing }
    }

    fn nothing(&self, rows: usize) -> Result<Past, RunError> {
        let empty = |tensor: &CacheTensor| value(sized(tensor, rows, 0), Vec::<f32>::new());
        let values = self.contract.cache.iter().map(empty).collect::<Result<_, _>>()?;
        Ok(Past { rows, length: 0, values, _weights: self.onnx.weights() })
    }
}

impl Decoder for OnnxDecoder {
    type Past = Past;

    fn step(&mut self, new: &[Vec<i64>], past: Option<Past>) -> Result<(Vec<Vec<f32>>, Past), RunError> {
        let (rows, count) = (new.len(), new.first().map_or(0, Vec::len));
        let Past { length, values, .. } = match past {
            Some(past) if past.rows == rows => past,
            Some(_) => return Err(RunError::failed("a past of another number of rows".to_owned())),
            None => self.nothing(rows)?,
        };
        let total = length + count;
        let contract = &self.contract;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(contract.cache.len() + 3);
        let mut put = |name: &String, value: DynValue| inputs.push((Cow::Owned(name.clone()), value.into()));
        put(&contract.tokens, value(vec![rows, count], new.concat())?);
        if let Some(mask) = &contract.mask {
            put(mask, value(vec![rows, total], vec![1_i64; rows * total])?);
        }
        if let Some(positions) = &contract.positions {
            let places = (length..total).map(|place| i64::try_from(place).unwrap_or(i64::MAX));
            put(positions, value(vec![rows, count], places.collect::<Vec<_>>().repeat(rows))?);
        }
        contract.cache.iter().zip(values).for_each(|(tensor, value)| put(&tensor.past, value));
        let mut outputs = self.onnx.run_values(inputs)?;
        let missing = |name: &str| RunError::failed(format!("the network gave no output {name:?}"));
        let logits = outputs.get(&contract.logits).ok_or_else(|| missing(&contract.logits))?;
        let logits = last(logits, rows, count)?;
        let present = contract.cache.iter().map(|tensor| {
            let value = outputs.remove(&tensor.present).ok_or_else(|| missing(&tensor.present))?;
            let expected = sized(tensor, rows, total);
            if shape(&value) == expected { Ok(value) } else { Err(other_shape(&tensor.present, &expected)) }
        });
        let values = present.collect::<Result<_, _>>()?;
        drop(outputs);
        Ok((logits, Past { rows, length: total, values, _weights: self.onnx.weights() }))
    }

    fn gather(&mut self, pasts: &[(&Past, &[usize])]) -> Result<Past, RunError> {
        let length = pasts.first().map_or(0, |(past, _)| past.length);
        let rows = pasts.iter().map(|(_, rows)| rows.len()).sum();
        let mut values = Vec::with_capacity(self.contract.cache.len());
        for (index, tensor) in self.contract.cache.iter().enumerate() {
            let shape = sized(tensor, rows, length);
            let (outer, inner): (usize, usize) =
                (shape[..tensor.batch].iter().product(), shape[tensor.batch + 1..].iter().product());
            let extracted = pasts.iter().map(|(past, rows)| {
                let (_, data) = past.values[index].try_extract_tensor::<f32>().map_err(|error| failed(&error))?;
                Ok((data, past.rows, *rows))
            });
            let sources = extracted.collect::<Result<Vec<_>, RunError>>()?;
            let mut data = Vec::with_capacity(outer * rows * inner);
            for block in 0..outer {
                for (source, of, rows) in &sources {
                    for row in *rows {
                        let at = (block * of + row) * inner;
                        data.extend_from_slice(&source[at..at + inner]);
                    }
                }
            }
            values.push(value(shape, data)?);
        }
        Ok(Past { rows, length, values, _weights: self.onnx.weights() })
    }

    fn sharing(&self) -> Sharing {
        self.sharing
    }

    fn lost(&self) -> Lost {
        self.onnx.lost()
    }

    fn token_bytes(&self) -> usize {
        self.contract.token_bytes()
    }
}

/// The shape of `tensor` for so many rows of a length.
fn sized(tensor: &CacheTensor, rows: usize, length: usize) -> Vec<usize> {
    let mut shape = tensor.shape.clone();
    (shape[tensor.batch], shape[tensor.length]) = (rows, length);
    shape
}

/// The logits behind the last token of each row of `[rows, count, vocabulary]`.
fn last(logits: &DynValue, rows: usize, count: usize) -> Result<Vec<Vec<f32>>, RunError> {
    let (_, data) = logits.try_extract_tensor::<f32>().map_err(|error| failed(&error))?;
    match shape(logits).as_slice() {
        [of_rows, of_count, vocabulary] if (*of_rows, *of_count) == (rows, count) && count > 0 && *vocabulary > 0 => {
            let row = |row: &[f32]| row[(count - 1) * vocabulary..].to_vec();
            Ok(data.chunks_exact(count * vocabulary).map(row).collect())
        }
        got => Err(RunError::failed(format!("logits: expected [{rows}, {count}, vocabulary], got {got:?}"))),
    }
}

fn shape(value: &DynValue) -> Vec<usize> {
    let shape = value.dtype().tensor_shape();
    shape.into_iter().flat_map(|shape| shape.iter()).map(|size| usize::try_from(*size).unwrap_or_default()).collect()
}

fn value<T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static>(
    shape: Vec<usize>,
    data: Vec<T>,
) -> Result<DynValue, RunError> {
    Tensor::from_array((shape, data)).map(Tensor::into_dyn).map_err(|error| failed(&error))
}

fn other_shape(name: &str, expected: &[usize]) -> RunError {
    RunError::failed(format!("output {name:?} has another shape than {expected:?}, which its past needs"))
}

fn failed(error: &ort::Error) -> RunError {
    RunError::failed(error.message().to_owned())
}
