//! An ONNX Runtime session for autoregressive decoding. The KV cache stays in ONNX Runtime's values between runs.
//!
//! A KV cache is not copied while its rows stay together; [`DecoderNetwork::gather`] copies it once when rows join or
//! leave. On a GPU, the values go through host memory between runs.

use std::borrow::Cow;

use bytes::Bytes;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor};

use super::OrtSession;
use crate::batching::RunSharing;
use crate::error::RunError;
use crate::generate::{CacheTensor, DecoderNetwork, DecoderTensors};
use crate::infer::{LostFlag, RunnableNetwork};

/// An autoregressive decoder on an ONNX Runtime session.
pub struct OrtDecoder {
    session: OrtSession,
    tensors: DecoderTensors,
    sharing: RunSharing,
}

/// A KV cache: one value for each cache tensor.
pub struct OrtKvCache {
    rows: usize,
    length: usize,
    values: Vec<DynValue>,
    /// Dropped after the values, which hold the session.
    _weights: Bytes,
}

impl OrtDecoder {
    /// A decoder on `session` with the given `tensors`. `sharing` says which sequences may share runs.
    pub fn new(session: OrtSession, tensors: DecoderTensors, sharing: RunSharing) -> Self {
        Self { session, tensors, sharing }
    }

    fn empty_cache(&self, rows: usize) -> Result<OrtKvCache, RunError> {
        let empty = |tensor: &CacheTensor| value(shape_of(tensor, rows, 0), Vec::<f32>::new());
        let values = self.tensors.cache.iter().map(empty).collect::<Result<_, _>>()?;
        Ok(OrtKvCache { rows, length: 0, values, _weights: self.session.weights() })
    }
}

impl DecoderNetwork for OrtDecoder {
    type KvCache = OrtKvCache;

    fn step(&mut self, new: &[Vec<i64>], cache: Option<OrtKvCache>) -> Result<(Vec<Vec<f32>>, OrtKvCache), RunError> {
        let (rows, count) = (new.len(), new.first().map_or(0, Vec::len));
        let OrtKvCache { length, values, .. } = match cache {
            Some(cache) if cache.rows == rows => cache,
            Some(_) => return Err(RunError::failed("a KV cache with another number of rows".to_owned())),
            None => self.empty_cache(rows)?,
        };
        let total = length + count;
        let tensors = &self.tensors;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(tensors.cache.len() + 3);
        let mut put = |name: &String, value: DynValue| inputs.push((Cow::Owned(name.clone()), value.into()));
        put(&tensors.tokens, value(vec![rows, count], new.concat())?);
        if let Some(mask) = &tensors.mask {
            put(mask, value(vec![rows, total], vec![1_i64; rows * total])?);
        }
        if let Some(positions) = &tensors.positions {
            let places = (length..total).map(|place| i64::try_from(place).unwrap_or(i64::MAX));
            put(positions, value(vec![rows, count], places.collect::<Vec<_>>().repeat(rows))?);
        }
        tensors.cache.iter().zip(values).for_each(|(tensor, value)| put(&tensor.past, value));
        let mut outputs = self.session.run_values(inputs)?;
        let missing = |name: &str| RunError::failed(format!("the network gave no output {name:?}"));
        let logits = outputs.get(&tensors.logits).ok_or_else(|| missing(&tensors.logits))?;
        let logits = last_logits(logits, rows, count)?;
        let present = tensors.cache.iter().map(|tensor| {
            let value = outputs.remove(&tensor.present).ok_or_else(|| missing(&tensor.present))?;
            let expected = shape_of(tensor, rows, total);
            if shape(&value) == expected { Ok(value) } else { Err(wrong_shape(&tensor.present, &expected)) }
        });
        let values = present.collect::<Result<_, _>>()?;
        drop(outputs);
        Ok((logits, OrtKvCache { rows, length: total, values, _weights: self.session.weights() }))
    }

    fn gather(&mut self, caches: &[(&OrtKvCache, &[usize])]) -> Result<OrtKvCache, RunError> {
        let length = caches.first().map_or(0, |(cache, _)| cache.length);
        let rows = caches.iter().map(|(_, rows)| rows.len()).sum();
        let mut values = Vec::with_capacity(self.tensors.cache.len());
        for (index, tensor) in self.tensors.cache.iter().enumerate() {
            let shape = shape_of(tensor, rows, length);
            let (outer, inner): (usize, usize) =
                (shape[..tensor.batch].iter().product(), shape[tensor.batch + 1..].iter().product());
            let extracted = caches.iter().map(|(cache, rows)| {
                let (_, data) = cache.values[index].try_extract_tensor::<f32>().map_err(|error| failed(&error))?;
                Ok((data, cache.rows, *rows))
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
        Ok(OrtKvCache { rows, length, values, _weights: self.session.weights() })
    }

    fn sharing(&self) -> RunSharing {
        self.sharing
    }

    fn lost(&self) -> LostFlag {
        self.session.lost()
    }

    fn token_bytes(&self) -> usize {
        self.tensors.token_bytes()
    }
}

/// The shape of `tensor` for the given rows and length.
fn shape_of(tensor: &CacheTensor, rows: usize, length: usize) -> Vec<usize> {
    let mut shape = tensor.shape.clone();
    (shape[tensor.batch], shape[tensor.length]) = (rows, length);
    shape
}

/// The logits of the last token of each row of `[rows, count, vocabulary]`.
fn last_logits(logits: &DynValue, rows: usize, count: usize) -> Result<Vec<Vec<f32>>, RunError> {
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

fn wrong_shape(name: &str, expected: &[usize]) -> RunError {
    RunError::failed(format!("output {name:?} has another shape than {expected:?}, which its KV cache needs"))
}

fn failed(error: &ort::Error) -> RunError {
    RunError::failed(error.message().to_owned())
}
