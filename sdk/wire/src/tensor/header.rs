//! Name, datatype and shape of a tensor in a message.

use super::datatype::Datatype;
use super::error::TensorError;
use super::limits::MAX_NAME_LEN;

/// Checks name, datatype and shape as a message states them: the length of the name, that the datatype exists, and that no
/// dimension is negative.
///
/// ```
/// use amaas_wire::{Datatype, TensorError, tensor::parse_header};
///
/// assert_eq!(parse_header("x".to_owned(), "FP32", &[1, 2])?, ("x".to_owned(), Datatype::Fp32, vec![1, 2]));
/// assert!(matches!(parse_header("x".to_owned(), "FP31", &[]), Err(TensorError::Datatype { .. })));
/// # Ok::<(), TensorError>(())
/// ```
///
/// # Errors
/// [`TensorError::Name`], [`TensorError::Datatype`] or [`TensorError::Negative`].
pub fn parse_header(
    tensor: String,
    datatype: &str,
    shape: &[i64],
) -> Result<(String, Datatype, Vec<usize>), TensorError> {
    if tensor.len() > MAX_NAME_LEN {
        return Err(TensorError::Name { got: tensor.len() });
    }
    let Some(datatype) = Datatype::from_name(datatype) else {
        return Err(TensorError::Datatype { tensor });
    };
    let size = |(axis, dim): (usize, &i64)| usize::try_from(*dim).map_err(|_| axis);
    match shape.iter().enumerate().map(size).collect() {
        Ok(shape) => Ok((tensor, datatype, shape)),
        Err(axis) => Err(TensorError::Negative { tensor, axis }),
    }
}
