//! A call of an operator, with the abstract values of its inputs.

use super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::attributes::NodeAttributes;
use super::symbolic_size::{SymbolTable, SymbolicSize};

/// A node to interpret: its operator, inputs and attributes.
pub(super) struct OperatorCall<'c> {
    pub(super) domain: &'c str,
    pub(super) operator: &'c str,
    /// The version of the operator set of its domain.
    pub(super) version: i64,
    pub(super) inputs: Vec<Option<AbstractTensor>>,
    /// The number of outputs of the node.
    pub(super) outputs: usize,
    pub(super) attributes: NodeAttributes<'c>,
    pub(super) symbols: &'c mut SymbolTable,
}

impl OperatorCall<'_> {
    /// The input at `place`.
    pub(super) fn input(&self, place: usize) -> Result<AbstractTensor, FailureCause> {
        self.optional(place).cloned().ok_or_else(|| format!("has no input {place}"))
    }

    /// The input at `place`, if there is one.
    pub(super) fn optional(&self, place: usize) -> Option<&AbstractTensor> {
        self.inputs.get(place)?.as_ref()
    }

    /// The input at `place` and its shape; an error if its rank is unknown.
    pub(super) fn ranked(&self, place: usize) -> Result<(AbstractTensor, Vec<SymbolicSize>), FailureCause> {
        let tensor = self.input(place)?;
        let shape =
            tensor.shape().ok_or_else(|| format!("has an unknown number of dimensions in input {place}"))?.to_vec();
        Ok((tensor, shape))
    }

    /// Fails if one of these inputs has rows.
    pub(super) fn require_shared(&self, places: impl IntoIterator<Item = usize>) -> Result<(), FailureCause> {
        for place in places {
            if self.optional(place).is_some_and(|tensor| !tensor.is_shared()) {
                return Err(format!("takes rows in input {place}, which all rows share"));
            }
        }
        Ok(())
    }

    /// Fails if an input other than these has rows.
    pub(super) fn require_shared_except(&self, places: &[usize]) -> Result<(), FailureCause> {
        self.require_shared((0..self.inputs.len()).filter(|place| !places.contains(place)))
    }

    /// An integer attribute.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attributes.integer(name).unwrap_or(default)
    }

    /// The axes of an operator: an attribute before version `since`, and the input at `place` from then on. `None` if
    /// they are omitted.
    pub(super) fn axes(&self, since: i64, place: usize) -> Result<Option<Vec<i64>>, FailureCause> {
        if self.version < since {
            return Ok(self.attributes.integers("axes").map(<[i64]>::to_vec));
        }
        match self.optional(place) {
            Some(axes) => axes.constants().map(Some).ok_or_else(|| "has axes that are not constant".to_owned()),
            None => Ok(None),
        }
    }

    /// Whether the input at `place` has a single value, of any rank.
    pub(super) fn is_single(&self, place: usize) -> bool {
        self.optional(place).and_then(AbstractTensor::shape).is_some_and(|shape| shape.iter().all(|size| size.is(1)))
    }
}

/// Resolves a possibly negative `axis` of `rank` dimensions.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, FailureCause> {
    let count = i64::try_from(rank).unwrap_or(i64::MAX);
    let place = if axis < 0 { axis.saturating_add(count) } else { axis };
    usize::try_from(place)
        .ok()
        .filter(|place| *place < rank)
        .ok_or_else(|| format!("has no dimension {axis} of {rank}"))
}

/// Fails if `axis` is the batch dimension of `tensor`.
pub(super) fn require_other_axis(tensor: &AbstractTensor, axis: usize, does: &str) -> Result<(), FailureCause> {
    if tensor.batch().is_some_and(|batch| batch.axis == axis) {
        Err(format!("{does} the batch dimension"))
    } else {
        Ok(())
    }
}

/// The batch dimension of `tensor`; an error if it is another one than `axis`.
pub(super) fn require_batch_at(
    tensor: &AbstractTensor,
    axis: usize,
    what: &str,
) -> Result<Option<BatchAxis>, FailureCause> {
    match tensor.batch() {
        Some(batch) if batch.axis != axis => {
            Err(format!("takes rows in dimension {} of {what}, where they are not independent", batch.axis))
        }
        batch => Ok(batch.cloned()),
    }
}
