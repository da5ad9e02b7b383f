//! The tensor itself.

use super::data::TensorData;
use super::datatype::Datatype;
use super::error::TensorError;
use super::shape::element_count;

/// One named tensor.
///
/// ```
/// use amaas_wire::{Tensor, TensorData};
///
/// let ids = Tensor::new("input_ids", vec![1, 3], vec![1_i64, 14, 22])?;
/// assert_eq!((ids.rows(), ids.data()), (Some(1), &TensorData::Int64(vec![1, 14, 22].into())));
/// # Ok::<(), amaas_wire::TensorError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonTensor"))]
pub struct Tensor {
    name: String,
    shape: Vec<usize>,
    data: TensorData,
}

impl Tensor {
    /// Makes a tensor of `shape` from `data` in row-major order.
    ///
    /// # Errors
    /// [`TensorError::Count`] when the shape does not hold exactly that many values, [`TensorError::Overflow`] when
    /// its product does not fit, [`TensorError::Rank`] when it has more than [`MAX_RANK`](super::MAX_RANK) dimensions.
    pub fn new(name: impl Into<String>, shape: Vec<usize>, data: impl Into<TensorData>) -> Result<Self, TensorError> {
        let (name, data) = (name.into(), data.into());
        let expected = element_count(&name, &shape)?;
        if expected == data.len() {
            Ok(Self { name, shape, data })
        } else {
            Err(TensorError::Count { tensor: name, shape, expected, got: data.len() })
        }
    }

    /// The tensor's name in the network.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The datatype of every value.
    pub fn datatype(&self) -> Datatype {
        self.data.datatype()
    }

    /// Dimensions, outermost first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values in row-major order.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// The size of the first dimension, which is the batch; `None` for a scalar.
    pub fn rows(&self) -> Option<usize> {
        self.shape.first().copied()
    }

    /// Refuses a value that is NaN or infinite, which JSON cannot express.
    ///
    /// # Errors
    /// [`TensorError::NotFinite`] names the first such value.
    pub fn check_finite(&self) -> Result<(), TensorError> {
        let at = match &self.data {
            TensorData::Fp16(values) => values.iter().position(|value| !value.is_finite()),
            TensorData::Fp32(values) => values.iter().position(|value| !value.is_finite()),
            TensorData::Fp64(values) => values.iter().position(|value| !value.is_finite()),
            TensorData::Bf16(values) => values.iter().position(|value| !value.is_finite()),
            _ => None,
        };
        match at {
            None => Ok(()),
            Some(index) => Err(TensorError::NotFinite { tensor: self.name.clone(), index }),
        }
    }

    /// Name, shape and values, apart.
    pub fn into_parts(self) -> (String, Vec<usize>, TensorData) {
        (self.name, self.shape, self.data)
    }
}
