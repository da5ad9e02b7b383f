//! An output that is a list of rows.

use amaas_model::PredictError;
use amaas_wire::Tensor;

use crate::vision::values::values;

/// The rows of an output `[1, rows, width]`.
pub(super) struct OutputRows {
    values: Vec<f32>,
    width: usize,
}

impl OutputRows {
    /// The rows of the output `name` in `outputs`.
    ///
    /// # Errors
    /// If there is no such output, or its rows are not of `width` numbers.
    pub(super) fn of(outputs: &[Tensor], name: &str, width: usize) -> Result<Self, PredictError> {
        let (values, shape) = values(outputs, name)?;
        match *shape.as_slice() {
            [_, got] if got == width => Ok(Self { values, width }),
            _ => Err(PredictError::internal(format!(
                "output {name:?}: expected the shape [1, rows, {width}], got [1, {}]",
                shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// The number of rows.
    pub(super) fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The numbers of the row `index`, which is below the count.
    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }
}
