//! What is known of a tensor: its shape, where its rows lie, and small whole numbers in it.

use super::size::{Size, Symbols};

/// Why a proof fails at a node, in words.
pub(super) type Cause = String;

/// A value of the graph, of which it is proven that calls that share a run do not see one another in it.
///
/// Without a batch it is *shared*: it depends on no row and not on how many there are, unless its known numbers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    /// Its dimensions; `None` if not even their number is known.
    shape: Option<Vec<Size>>,
    batch: Option<Batch>,
    /// Its values, row-major, if it is a small tensor of whole numbers. They are the only values that may depend on the batch size.
    known: Option<Vec<Size>>,
    /// Whether those are floating point numbers.
    float: bool,
    /// What its values tell of the places of rows in the batch.
    number: Number,
}

/// What values tell of the places of rows in the batch: they are not independent of other rows then, but a row may be picked by its own place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Number {
    /// Nothing.
    #[default]
    None,
    /// Each value of a row is the place of the row.
    Place,
    /// The first of each of the vectors in the last dimension is the place of the row; the others tell nothing.
    FirstPlace,
    /// Something that is not followed.
    Some,
}

/// Where the rows of a tensor lie: its dimension `axis` has `outer × batch × inner` places, and what belongs to one row depends on the
/// same row of the inputs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) axis: usize,
    pub(super) outer: Size,
    pub(super) inner: Size,
}

impl Batch {
    /// The whole dimension `axis` is the batch.
    pub(super) fn whole(axis: usize) -> Self {
        Self { axis, outer: Size::of(1), inner: Size::of(1) }
    }

    /// The same rows in another dimension.
    pub(super) fn at(&self, axis: usize) -> Self {
        Self { axis, ..self.clone() }
    }

    /// Whether rows lie in the same places as in `other`, of which a run with two rows or more has shown that the dimensions have one size.
    ///
    /// A call that has the one row of a run is alone in it, and what fails with more rows is run again for each call alone.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.axis == other.axis && (self.outer == other.outer || self.inner == other.inner)
    }

    /// Whether the dimension is the batch and nothing else.
    pub(super) fn is_whole(&self) -> bool {
        self.outer.is(1) && self.inner.is(1)
    }

    /// The size of its dimension.
    pub(super) fn size(&self) -> Result<Size, Cause> {
        let size = self.outer.times(&self.inner).and_then(|per_row| per_row.times(&Size::batch()));
        size.ok_or_else(|| "has a shape that is too complicated to follow".to_owned())
    }
}

impl Tensor {
    /// A tensor that is the same for all calls that share a run.
    pub(super) fn shared(shape: Option<Vec<Size>>) -> Self {
        Self { shape, batch: None, known: None, float: false, number: Number::None }
    }

    /// A tensor with rows. `shape` has any size where they lie.
    pub(super) fn rows(mut shape: Vec<Size>, batch: Batch) -> Result<Self, Cause> {
        let size = batch.size()?;
        let place = shape.get_mut(batch.axis).ok_or("has no dimension for the rows")?;
        *place = size;
        let elsewhere = |(axis, size): (usize, &Size)| axis != batch.axis && size.has_batch();
        if shape.iter().enumerate().any(elsewhere) {
            return Err("gives a second dimension the size of the batch".to_owned());
        }
        Ok(Self { shape: Some(shape), batch: Some(batch), known: None, float: false, number: Number::None })
    }

    /// `shape` with the rows of `batch`, or shared if there is none.
    pub(super) fn of(shape: Option<Vec<Size>>, batch: Option<Batch>) -> Result<Self, Cause> {
        match (shape, batch) {
            (Some(shape), Some(batch)) => Self::rows(shape, batch),
            (None, Some(_)) => Err("has an unknown number of dimensions".to_owned()),
            (Some(shape), None) if shape.iter().any(Size::has_batch) => {
                Err("makes a dimension of the size of the batch whose rows are not the calls' rows".to_owned())
            }
            (shape, None) => Ok(Self::shared(shape)),
        }
    }

    /// Whole numbers that are known, row-major.
    pub(super) fn numbers(shape: Vec<Size>, known: Vec<Size>) -> Self {
        Self { shape: Some(shape), batch: None, known: Some(known), float: false, number: Number::None }
    }

    /// A vector of whole numbers that are known.
    pub(super) fn vector(known: Vec<Size>) -> Self {
        Self::numbers(vec![Size::of(i64::try_from(known.len()).unwrap_or(i64::MAX))], known)
    }

    /// A whole number that is known.
    pub(super) fn scalar(known: Size) -> Self {
        Self::numbers(Vec::new(), vec![known])
    }

    /// Its shape, if its number of dimensions is known.
    pub(super) fn shape(&self) -> Option<&[Size]> {
        self.shape.as_deref()
    }

    /// Its number of dimensions, if that is known.
    pub(super) fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// Where its rows lie, if it has any.
    pub(super) fn batch(&self) -> Option<&Batch> {
        self.batch.as_ref()
    }

    /// Its values, if they are known.
    pub(super) fn known(&self) -> Option<&[Size]> {
        self.known.as_deref()
    }

    /// Its values, if they are known as numbers.
    pub(super) fn constants(&self) -> Option<Vec<i64>> {
        self.known.as_ref()?.iter().map(Size::number).collect()
    }

    /// The same, whose values tell this of the places of rows.
    pub(super) fn with_number(self, number: Number) -> Self {
        Self { number, ..self }
    }

    /// What its values tell of the places of rows.
    pub(super) fn number(&self) -> Number {
        self.number
    }

    /// Whether its values depend on how many rows there are, or on their places.
    pub(super) fn counts_rows(&self) -> bool {
        self.number != Number::None || self.known.iter().flatten().any(Size::has_batch)
    }

    /// Whether it is the same for all calls that share a run.
    pub(super) fn is_shared(&self) -> bool {
        self.batch.is_none() && !self.counts_rows()
    }

    /// The same, whose values are floating point numbers or are not.
    pub(super) fn with_float(self, float: bool) -> Self {
        Self { float, ..self }
    }

    /// Whether its known values are floating point numbers.
    pub(super) fn is_float(&self) -> bool {
        self.float
    }

    /// The same without what is known of its values.
    pub(super) fn without_values(&self) -> Self {
        Self { known: None, ..self.clone() }
    }
}

/// The tensor that `tensors` give together, element by element, with ONNX's multidirectional broadcasting.
pub(super) fn broadcast(tensors: &[&Tensor], symbols: &mut Symbols) -> Result<Tensor, Cause> {
    let shapes: Option<Vec<&[Size]>> = tensors.iter().map(|tensor| tensor.shape()).collect();
    let Some(shapes) = shapes else {
        let any_rows = tensors.iter().any(|tensor| tensor.batch.is_some());
        return if any_rows {
            Err("joins rows with a tensor whose number of dimensions is not known".to_owned())
        } else {
            Ok(Tensor::shared(None))
        };
    };
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut batch: Option<Batch> = None;
    for (tensor, shape) in tensors.iter().zip(&shapes) {
        if let Some(own) = &tensor.batch {
            let own = own.at(own.axis + rank - shape.len());
            if batch.as_ref().is_some_and(|batch| !batch.matches(&own)) {
                return Err("sets the rows of one tensor against other rows, or against another dimension".to_owned());
            }
            batch.get_or_insert(own);
        }
    }
    let mut result = vec![Size::of(1); rank];
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
    Tensor::of(Some(result), batch)
}

/// The size that two sizes give together.
fn broadcast_size(one: &Size, other: &Size, symbols: &mut Symbols) -> Result<Size, Cause> {
    if one == other || other.is(1) {
        return Ok(one.clone());
    }
    if one.is(1) {
        return Ok(other.clone());
    }
    // At runtime both are equal, or one of them is 1. What is at most the other has no place more, then.
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

/// The product of sizes, if it is not too large to follow.
pub(super) fn product<'s>(sizes: impl IntoIterator<Item = &'s Size>) -> Result<Size, Cause> {
    let mut product = Size::of(1);
    for size in sizes {
        product = product.times(size).ok_or("has a shape that is too complicated to follow")?;
    }
    Ok(product)
}
