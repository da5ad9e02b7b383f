//! The abstract domain: a tensor's shape, its batch dimension, and small integer values.

use super::symbolic_size::{SymbolTable, SymbolicSize};

/// Why a proof fails at a node.
pub(super) type FailureCause = String;

/// An abstract value in which the calls of a run are proven independent.
///
/// Without a batch dimension it is *shared*: it depends on no row, and only its known values may depend on the number
/// of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AbstractTensor {
    /// The dimensions; `None` if the rank is unknown.
    shape: Option<Vec<SymbolicSize>>,
    batch: Option<BatchAxis>,
    /// The values in row-major order, for a small integer tensor. Only they may depend on the batch size.
    known: Option<Vec<SymbolicSize>>,
    /// Whether the values are floats.
    float: bool,
    /// Whether the values contain row indices.
    row_indices: RowIndices,
}

/// Whether values contain row indices. Such values depend on other rows, but a row may be picked by its own index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RowIndices {
    /// No row index.
    #[default]
    None,
    /// Each value of a row is the row's index.
    Index,
    /// The first component of each vector in the last dimension is the row's index; the others are independent of it.
    FirstIsIndex,
    /// An unknown function of row indices.
    Unknown,
}

/// The batch dimension of a tensor: `axis` has `outer × batch × inner` indices, and the values of one row depend on the
/// same input row alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BatchAxis {
    pub(super) axis: usize,
    pub(super) outer: SymbolicSize,
    pub(super) inner: SymbolicSize,
}

impl BatchAxis {
    /// A dimension that is exactly the batch.
    pub(super) fn whole(axis: usize) -> Self {
        Self { axis, outer: SymbolicSize::of(1), inner: SymbolicSize::of(1) }
    }

    /// The same rows in another dimension.
    pub(super) fn at(&self, axis: usize) -> Self {
        Self { axis, ..self.clone() }
    }

    /// Whether rows are at the same indices as in `other`, given that a run with two rows or more showed equal sizes.
    ///
    /// A run of one row has one call, and a failed run of several rows is repeated for each call alone.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.axis == other.axis && (self.outer == other.outer || self.inner == other.inner)
    }

    /// Whether the dimension is exactly the batch.
    pub(super) fn is_whole(&self) -> bool {
        self.outer.is(1) && self.inner.is(1)
    }

    /// The size of its dimension.
    pub(super) fn size(&self) -> Result<SymbolicSize, FailureCause> {
        let size = self.outer.times(&self.inner).and_then(|per_row| per_row.times(&SymbolicSize::batch()));
        size.ok_or_else(|| "has a shape that is too complicated to follow".to_owned())
    }
}

impl AbstractTensor {
    /// A tensor that is equal for all calls of a run.
    pub(super) fn shared(shape: Option<Vec<SymbolicSize>>) -> Self {
        Self { shape, batch: None, known: None, float: false, row_indices: RowIndices::None }
    }

    /// A tensor with rows. The batch dimension of `shape` is overwritten.
    pub(super) fn rows(mut shape: Vec<SymbolicSize>, batch: BatchAxis) -> Result<Self, FailureCause> {
        let size = batch.size()?;
        let place = shape.get_mut(batch.axis).ok_or("has no dimension for the rows")?;
        *place = size;
        let elsewhere = |(axis, size): (usize, &SymbolicSize)| axis != batch.axis && size.has_batch();
        if shape.iter().enumerate().any(elsewhere) {
            return Err("gives a second dimension the size of the batch".to_owned());
        }
        Ok(Self { shape: Some(shape), batch: Some(batch), known: None, float: false, row_indices: RowIndices::None })
    }

    /// A tensor with the rows of `batch`, or a shared one without a batch.
    pub(super) fn of(shape: Option<Vec<SymbolicSize>>, batch: Option<BatchAxis>) -> Result<Self, FailureCause> {
        match (shape, batch) {
            (Some(shape), Some(batch)) => Self::rows(shape, batch),
            (None, Some(_)) => Err("has an unknown number of dimensions".to_owned()),
            (Some(shape), None) if shape.iter().any(SymbolicSize::has_batch) => {
                Err("makes a dimension of the size of the batch whose rows are not the calls' rows".to_owned())
            }
            (shape, None) => Ok(Self::shared(shape)),
        }
    }

    /// A tensor of known integers, in row-major order.
    pub(super) fn numbers(shape: Vec<SymbolicSize>, known: Vec<SymbolicSize>) -> Self {
        Self { shape: Some(shape), batch: None, known: Some(known), float: false, row_indices: RowIndices::None }
    }

    /// A vector of known integers.
    pub(super) fn vector(known: Vec<SymbolicSize>) -> Self {
        Self::numbers(vec![SymbolicSize::of(i64::try_from(known.len()).unwrap_or(i64::MAX))], known)
    }

    /// A known integer.
    pub(super) fn scalar(known: SymbolicSize) -> Self {
        Self::numbers(Vec::new(), vec![known])
    }

    /// The shape, if the rank is known.
    pub(super) fn shape(&self) -> Option<&[SymbolicSize]> {
        self.shape.as_deref()
    }

    /// The rank, if it is known.
    pub(super) fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// The batch dimension, if it has rows.
    pub(super) fn batch(&self) -> Option<&BatchAxis> {
        self.batch.as_ref()
    }

    /// The values, if they are known.
    pub(super) fn known(&self) -> Option<&[SymbolicSize]> {
        self.known.as_deref()
    }

    /// The values, if they are known constants.
    pub(super) fn constants(&self) -> Option<Vec<i64>> {
        self.known.as_ref()?.iter().map(SymbolicSize::number).collect()
    }

    /// Sets whether the values contain row indices.
    pub(super) fn with_row_indices(self, row_indices: RowIndices) -> Self {
        Self { row_indices, ..self }
    }

    /// Whether the values contain row indices.
    pub(super) fn row_indices(&self) -> RowIndices {
        self.row_indices
    }

    /// Whether the values depend on the number of rows or contain row indices.
    pub(super) fn depends_on_row_count(&self) -> bool {
        self.row_indices != RowIndices::None || self.known.iter().flatten().any(SymbolicSize::has_batch)
    }

    /// Whether it is equal for all calls of a run.
    pub(super) fn is_shared(&self) -> bool {
        self.batch.is_none() && !self.depends_on_row_count()
    }

    /// Sets whether the values are floats.
    pub(super) fn with_float(self, float: bool) -> Self {
        Self { float, ..self }
    }

    /// Whether the known values are floats.
    pub(super) fn is_float(&self) -> bool {
        self.float
    }

    /// Forgets the known values.
    pub(super) fn without_values(&self) -> Self {
        Self { known: None, ..self.clone() }
    }
}

/// The result of an elementwise operator, with ONNX's multidirectional broadcasting.
pub(super) fn broadcast(
    tensors: &[&AbstractTensor],
    symbols: &mut SymbolTable,
) -> Result<AbstractTensor, FailureCause> {
    let shapes: Option<Vec<&[SymbolicSize]>> = tensors.iter().map(|tensor| tensor.shape()).collect();
    let Some(shapes) = shapes else {
        let any_rows = tensors.iter().any(|tensor| tensor.batch.is_some());
        return if any_rows {
            Err("joins rows with a tensor whose number of dimensions is not known".to_owned())
        } else {
            Ok(AbstractTensor::shared(None))
        };
    };
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut batch: Option<BatchAxis> = None;
    for (tensor, shape) in tensors.iter().zip(&shapes) {
        if let Some(own) = &tensor.batch {
            let own = own.at(own.axis + rank - shape.len());
            if batch.as_ref().is_some_and(|batch| !batch.matches(&own)) {
                return Err("sets the rows of one tensor against other rows, or against another dimension".to_owned());
            }
            batch.get_or_insert(own);
        }
    }
    let mut result = vec![SymbolicSize::of(1); rank];
    for shape in &shapes {
        for (axis, size) in (rank - shape.len()..).zip(*shape) {
            if batch.as_ref().is_none_or(|batch| batch.axis != axis) {
                result[axis] = broadcast_size(&result[axis], size, symbols)?;
            }
        }
    }
    if let Some(batch) = &batch {
        for (tensor, shape) in tensors.iter().zip(&shapes) {
            let place = (batch.axis + shape.len()).checked_sub(rank);
            let meets = place.and_then(|place| shape.get(place)).is_some_and(|size| !size.is(1));
            if tensor.batch.is_none() && meets {
                return Err("sets the rows against a dimension that is not the batch".to_owned());
            }
        }
    }
    AbstractTensor::of(Some(result), batch)
}

/// The broadcast size of two sizes.
fn broadcast_size(
    one: &SymbolicSize,
    other: &SymbolicSize,
    symbols: &mut SymbolTable,
) -> Result<SymbolicSize, FailureCause> {
    if one == other || other.is(1) {
        return Ok(one.clone());
    }
    if one.is(1) {
        return Ok(other.clone());
    }
    // At runtime both are equal, or one is 1, so the larger one is the result.
    if symbols.is_at_most(other, one) {
        return Ok(one.clone());
    }
    if symbols.is_at_most(one, other) {
        return Ok(other.clone());
    }
    for (known, open) in [(one, other), (other, one)] {
        if known.number().is_some() && !open.has_batch() {
            return Ok(known.clone());
        }
    }
    if one.has_batch() || other.has_batch() {
        return Err("sets the rows against a dimension that is not the batch".to_owned());
    }
    let mut sizes = vec![one.clone(), other.clone()];
    sizes.sort();
    Ok(symbols.result("broadcast", sizes, false))
}

/// The product of sizes, if it has few enough terms.
pub(super) fn product<'s>(sizes: impl IntoIterator<Item = &'s SymbolicSize>) -> Result<SymbolicSize, FailureCause> {
    let mut product = SymbolicSize::of(1);
    for size in sizes {
        product = product.times(size).ok_or("has a shape that is too complicated to follow")?;
    }
    Ok(product)
}
