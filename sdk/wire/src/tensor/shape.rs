//! The number of values that a shape holds.

use super::error::TensorError;
use super::limits::MAX_RANK;

/// The number of values of `shape`, checked.
pub(super) fn element_count(tensor: &str, shape: &[usize]) -> Result<usize, TensorError> {
    if shape.len() > MAX_RANK {
        return Err(TensorError::Rank { tensor: tensor.to_owned(), got: shape.len() });
    }
    // A zero anywhere makes the tensor empty, but the other dimensions must still be sane.
    let product = shape.iter().filter(|dim| **dim != 0).try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    match product {
        Some(_) if shape.contains(&0) => Ok(0),
        Some(count) => Ok(count),
        None => Err(TensorError::Overflow { tensor: tensor.to_owned(), shape: shape.to_vec() }),
    }
}
