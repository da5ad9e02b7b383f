//! A node with what is known of its inputs.

use super::attributes::Attributes;
use super::size::{Size, Symbols};
use super::tensor::{Batch, Cause, Tensor};

/// A node to be followed: an operator, its inputs and attributes.
pub(super) struct Call<'c> {
    pub(super) domain: &'c str,
    pub(super) operator: &'c str,
    /// Of the operator set of its domain.
    pub(super) version: i64,
    pub(super) inputs: Vec<Option<Tensor>>,
    /// How many outputs the node names.
    pub(super) outputs: usize,
    pub(super) attributes: Attributes<'c>,
    pub(super) symbols: &'c mut Symbols,
}

impl Call<'_> {
    /// The input at `place`.
    pub(super) fn input(&self, place: usize) -> Result<Tensor, Cause> {
        self.optional(place).cloned().ok_or_else(|| format!("has no input {place}"))
    }

    /// The input at `place`, if there is one.
    pub(super) fn optional(&self, place: usize) -> Option<&Tensor> {
        self.inputs.get(place)?.as_ref()
    }

    /// The input at `place`, whose number of dimensions is known.
    pub(super) fn ranked(&self, place: usize) -> Result<(Tensor, Vec<Size>), Cause> {
        let tensor = self.input(place)?;
        let shape =
            tensor.shape().ok_or_else(|| format!("has an unknown number of dimensions in input {place}"))?.to_vec();
        Ok((tensor, shape))
    }

    /// Refuses rows in the inputs at these places.
    pub(super) fn shared(&self, places: impl IntoIterator<Item = usize>) -> Result<(), Cause> {
        for place in places {
            if self.optional(place).is_some_and(|tensor| !tensor.is_shared()) {
                return Err(format!("takes rows in input {place}, which all rows share"));
            }
        }
        Ok(())
    }

    /// Refuses rows in all inputs but those at these places.
    pub(super) fn shared_but(&self, places: &[usize]) -> Result<(), Cause> {
        self.shared((0..self.inputs.len()).filter(|place| !places.contains(place)))
    }

    /// A whole number among the attributes.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attributes.integer(name).unwrap_or(default)
    }

    /// The axes of an operator that has them as an attribute before version `since`, and as the input at `place` from then on; `None` if
    /// it names none.
    pub(super) fn axes(&self, since: i64, place: usize) -> Result<Option<Vec<i64>>, Cause> {
        if self.version < since {
            return Ok(self.attributes.integers("axes").map(<[i64]>::to_vec));
        }
        match self.optional(place) {
            Some(axes) => axes.constants().map(Some).ok_or_else(|| "has axes that are not constant".to_owned()),
            None => Ok(None),
        }
    }

    /// Whether the input at `place` is a single value, whatever its number of dimensions.
    pub(super) fn is_single(&self, place: usize) -> bool {
        self.optional(place).and_then(Tensor::shape).is_some_and(|shape| shape.iter().all(|size| size.is(1)))
    }
}

/// The dimension that `axis` is of `rank`.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, Cause> {
    let count = i64::try_from(rank).unwrap_or(i64::MAX);
    let place = if axis < 0 { axis.saturating_add(count) } else { axis };
    usize::try_from(place)
        .ok()
        .filter(|place| *place < rank)
        .ok_or_else(|| format!("has no dimension {axis} of {rank}"))
}

/// Refuses an operator that works along the dimension in which the rows lie.
pub(super) fn apart(tensor: &Tensor, axis: usize, does: &str) -> Result<(), Cause> {
    if tensor.batch().is_some_and(|batch| batch.axis == axis) {
        Err(format!("{does} the batch dimension"))
    } else {
        Ok(())
    }
}

/// Where the rows of `tensor` lie; refused unless that is its dimension `axis`.
pub(super) fn batch_at(tensor: &Tensor, axis: usize, what: &str) -> Result<Option<Batch>, Cause> {
    match tensor.batch() {
        Some(batch) if batch.axis != axis => {
            Err(format!("takes rows in dimension {} of {what}, where they are not independent", batch.axis))
        }
        batch => Ok(batch.cloned()),
    }
}
