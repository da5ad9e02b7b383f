//! Operators that move values without changing them.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause, product};
use super::super::operator_call::{OperatorCall, axis, require_other_axis};
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "Transpose" => one(transpose(call)),
        "Reshape" => one(reshape(call)),
        "Flatten" => one(flatten(call)),
        "Squeeze" => one(squeeze(call)),
        "Unsqueeze" => one(unsqueeze(call)),
        "Expand" => one(expand(call)),
        "Tile" => one(tile(call)),
        "Concat" => one(concat(call)),
        "DepthToSpace" | "SpaceToDepth" => one(depth(call)),
        _ => return None,
    })
}

fn transpose(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let order = match call.attributes.integers("perm") {
        Some(order) => order.iter().map(|place| axis(*place, shape.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..shape.len()).rev().collect(),
    };
    if order.len() != shape.len() {
        return Err("has an order of another number of dimensions".to_owned());
    }
    let batch = match input.batch() {
        Some(batch) => {
            let place = order.iter().position(|from| *from == batch.axis);
            Some(batch.at(place.ok_or("has an order without the batch dimension")?))
        }
        None => None,
    };
    AbstractTensor::of(Some(order.iter().map(|from| shape[*from].clone()).collect()), batch)
}

/// The flat order of values is kept. A row's values are at `(p, i, q)` of `outer × batch × inner` of the whole tensor.
/// So the dimensions before the batch need the same product as before.
fn reshape(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let input = call.input(0)?;
    let target = match call.attributes.integers("shape") {
        Some(shape) if call.version < RESHAPE_BY_INPUT_SINCE => shape.iter().copied().map(SymbolicSize::of).collect(),
        _ => {
            let shape = call.input(1)?;
            match shape.known() {
                Some(known) => known.to_vec(),
                None => return unknown_reshape(call, &input, &shape),
            }
        }
    };
    let copies = call.integer("allowzero", 0) == 0;
    let mut shape = Vec::with_capacity(target.len());
    let mut inferred = None;
    for (place, size) in target.into_iter().enumerate() {
        let size = if copies && size.is(0) {
            let own = input.shape().and_then(|shape| shape.get(place)).cloned();
            own.ok_or("copies a dimension that is not known")?
        } else if size.is(-1) {
            inferred = Some(place);
            SymbolicSize::of(1)
        } else if size.has_batch() || size.is_non_negative(call.symbols) {
            size
        } else {
            // It may be -1 at runtime.
            call.symbols.any()
        };
        shape.push(size);
    }
    let Some(batch) = input.batch() else {
        if let Some(place) = inferred {
            shape[place] = inferred_size(input.shape(), &shape, call)?;
        }
        return AbstractTensor::of(Some(shape), None);
    };
    let own = input.shape().ok_or("has an unknown number of dimensions")?;
    let before = product(own[..batch.axis].iter().chain([&batch.outer]))?;
    let after = product(own[batch.axis + 1..].iter().chain([&batch.inner]))?;
    let per_row = before.times(&after).ok_or("has a shape that is too complicated to follow")?;
    let mut places = shape.iter().enumerate().filter(|(_, size)| size.has_batch()).map(|(place, _)| place);
    let splits = || "splits or merges the batch dimension, so that a row's values go to other rows".to_owned();
    let (place, each) = match (places.next(), places.next(), inferred) {
        (Some(_), Some(_), _) => return Err("gives two dimensions the size of the batch".to_owned()),
        (Some(place), None, _) => {
            let each = shape[place].per_row().ok_or_else(splits)?;
            if let Some(inferred) = inferred {
                let others = shape.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, size)| size);
                let others = product(others.chain([&each]))?;
                shape[inferred] = per_row
                    .divided(&others)
                    .unwrap_or_else(|| call.symbols.result("inferred dimension", vec![per_row.clone(), others], false));
            }
            (place, each)
        }
        (None, None, Some(place)) => {
            let others = product(&shape)?;
            (place, per_row.divided(&others).ok_or_else(splits)?)
        }
        _ => return Err("gives no dimension the size of the batch".to_owned()),
    };
    let outer = before.divided(&product(&shape[..place])?).ok_or_else(splits)?;
    let inner = each.divided(&outer).ok_or_else(splits)?;
    AbstractTensor::rows(shape, BatchAxis { axis: place, outer, inner })
}

/// A reshape to an unknown shape that is the same for all calls.
fn unknown_reshape(
    call: &mut OperatorCall<'_>,
    input: &AbstractTensor,
    shape: &AbstractTensor,
) -> Result<AbstractTensor, FailureCause> {
    if input.batch().is_some() {
        return Err("gives rows a shape that is not known".to_owned());
    }
    if !shape.is_shared() {
        return Err("takes its shape from the rows".to_owned());
    }
    let rank = shape.shape().and_then(|shape| shape.first()?.number()).and_then(|rank| usize::try_from(rank).ok());
    let rank = rank.filter(|rank| *rank <= MAX_RANK);
    Ok(AbstractTensor::shared(rank.map(|rank| (0..rank).map(|_| call.symbols.any()).collect())))
}

fn inferred_size(
    own: Option<&[SymbolicSize]>,
    others: &[SymbolicSize],
    call: &mut OperatorCall<'_>,
) -> Result<SymbolicSize, FailureCause> {
    let Some(own) = own else { return Ok(call.symbols.any()) };
    let (all, others) = (product(own)?, product(others)?);
    if others.has_batch() {
        return Err("gives a shared tensor a dimension of the size of the batch".to_owned());
    }
    Ok(match all.divided(&others) {
        Some(size) => size,
        None => call.symbols.result("inferred dimension", vec![all, others], false),
    })
}

fn flatten(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let at = call.integer("axis", 1);
    let at = if usize::try_from(at) == Ok(shape.len()) { shape.len() } else { axis(at, shape.len())? };
    let batch = match input.batch() {
        None => None,
        Some(batch) => {
            let (from, to, place) = if batch.axis < at { (0, at, 0) } else { (at, shape.len(), 1) };
            let outer = product(shape[from..batch.axis].iter().chain([&batch.outer]))?;
            let inner = product(shape[batch.axis + 1..to].iter().chain([&batch.inner]))?;
            Some(BatchAxis { axis: place, outer, inner })
        }
    };
    AbstractTensor::of(Some(vec![product(&shape[..at])?, product(&shape[at..])?]), batch)
}

fn squeeze(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let Some(axes) = call.axes(AXES_BY_INPUT_SINCE, 1)? else {
        if input.batch().is_some() {
            return Err("removes the batch dimension if there is one row".to_owned());
        }
        let known = shape.iter().all(|size| size.number().is_some());
        return Ok(AbstractTensor::shared(known.then(|| shape.into_iter().filter(|size| !size.is(1)).collect())));
    };
    let axes = axes.into_iter().map(|place| axis(place, shape.len())).collect::<Result<Vec<_>, _>>()?;
    axes.iter().try_for_each(|place| require_other_axis(&input, *place, "removes"))?;
    let left = shape.into_iter().enumerate().filter(|(place, _)| !axes.contains(place)).map(|(_, size)| size).collect();
    let before = |batch: &BatchAxis| axes.iter().filter(|place| **place < batch.axis).count();
    AbstractTensor::of(Some(left), input.batch().map(|batch| batch.at(batch.axis - before(batch))))
}

fn unsqueeze(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let axes = call.axes(AXES_BY_INPUT_SINCE, 1)?.ok_or("has no axes")?;
    let rank = shape.len() + axes.len();
    let axes = axes.into_iter().map(|place| axis(place, rank)).collect::<Result<Vec<_>, _>>()?;
    let (mut own, mut all, mut batch) = (shape.into_iter().enumerate(), Vec::with_capacity(rank), None);
    for place in 0..rank {
        if axes.contains(&place) {
            all.push(SymbolicSize::of(1));
        } else if let Some((from, size)) = own.next() {
            if let Some(rows) = input.batch().filter(|batch| batch.axis == from) {
                batch = Some(rows.at(place));
            }
            all.push(size);
        }
    }
    if all.len() != rank {
        return Err("names an axis twice".to_owned());
    }
    AbstractTensor::of(Some(all), batch)
}

fn expand(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, target) = (call.input(0)?, call.input(1)?);
    let Some(known) = target.known() else {
        if input.batch().is_some() || !target.is_shared() {
            return Err("gives rows a shape that is not known".to_owned());
        }
        return Ok(AbstractTensor::shared(None));
    };
    let sized: Vec<SymbolicSize> = known
        .iter()
        .map(
            |size| {
                if size.has_batch() || size.is_non_negative(call.symbols) { size.clone() } else { call.symbols.any() }
            },
        )
        .collect();
    let mut places = sized.iter().enumerate().filter(|(_, size)| size.has_batch()).map(|(place, _)| place);
    let target = match (places.next(), places.next()) {
        (Some(_), Some(_)) => return Err("gives two dimensions the size of the batch".to_owned()),
        (None, _) => AbstractTensor::shared(Some(sized)),
        (Some(place), None) => {
            let from_end = sized.len() - place;
            let own = input.batch().zip(input.rank()).filter(|(batch, rank)| rank - batch.axis == from_end);
            let inner = sized[place].per_row().ok_or("gives a dimension a size that depends on the batch otherwise")?;
            // Each row has the same value, so rows may have any order.
            let batch =
                own.map_or(BatchAxis { axis: place, outer: SymbolicSize::of(1), inner }, |(batch, _)| batch.at(place));
            let size = sized[place].clone();
            let rows = AbstractTensor::rows(sized, batch)?;
            if rows.shape().and_then(|shape| shape.get(place)) != Some(&size) {
                return Err("gives the batch dimension another size".to_owned());
            }
            rows
        }
    };
    super::super::abstract_tensor::broadcast(&[&input, &target], call.symbols)
}

fn tile(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let repeats = call.input(1)?;
    let Some(repeats) = repeats.known().filter(|repeats| repeats.len() == shape.len()) else {
        if input.batch().is_some() || !repeats.is_shared() {
            return Err("repeats rows in a way that is not known".to_owned());
        }
        return Ok(AbstractTensor::shared(Some(shape.iter().map(|_| call.symbols.any()).collect())));
    };
    let (mut all, mut batch) = (Vec::new(), input.batch().cloned());
    for (place, (size, times)) in shape.iter().zip(repeats).enumerate() {
        if times.has_batch() {
            // The whole dimension is repeated for each row.
            let each = times.per_row().filter(|each| each.is(1) && batch.is_none());
            each.ok_or("repeats rows as many times as there are rows")?;
            batch = Some(BatchAxis { axis: place, outer: SymbolicSize::of(1), inner: size.clone() });
        } else if let Some(rows) = batch.as_mut().filter(|rows| rows.axis == place) {
            rows.outer = rows.outer.times(times).ok_or("has a shape that is too complicated to follow")?;
        }
        all.push(if times.is_non_negative(call.symbols) { product([size, times])? } else { call.symbols.any() });
    }
    AbstractTensor::of(Some(all), batch)
}

fn concat(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let inputs: Vec<&AbstractTensor> = call.inputs.iter().flatten().collect();
    let first = inputs.first().ok_or("has no inputs")?;
    let batch = inputs.iter().find_map(|input| input.batch()).cloned();
    let Some(rank) = first.rank() else {
        return if batch.is_some() {
            Err("has an unknown number of dimensions".to_owned())
        } else {
            Ok(AbstractTensor::shared(None))
        };
    };
    let along = axis(call.integer("axis", 1), rank)?;
    let mut shape = first.shape().unwrap_or_default().to_vec();
    shape[along] = SymbolicSize::of(0);
    for input in &inputs {
        if !is_beside(input.batch(), batch.as_ref()) {
            return Err("puts rows beside values that are not theirs".to_owned());
        }
        require_other_axis(input, along, "concatenates along")?;
        let Some(own) = input.shape().filter(|own| own.len() == rank) else {
            return if batch.is_some() {
                Err("has an unknown number of dimensions".to_owned())
            } else {
                Ok(AbstractTensor::shared(None))
            };
        };
        for (place, size) in own.iter().enumerate() {
            if place == along {
                shape[place] = shape[place].plus(size).ok_or("has a shape that is too complicated to follow")?;
            } else if size.number().is_some() {
                shape[place] = size.clone();
            }
        }
    }
    AbstractTensor::of(Some(shape), batch)
}

/// Whether two tensors have rows at the same indices, or none.
fn is_beside(one: Option<&BatchAxis>, other: Option<&BatchAxis>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.matches(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn depth(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let [rows, channels, height, width] = &shape[..] else { return Err("has no four dimensions".to_owned()) };
    if input.batch().is_some_and(|batch| batch.axis != 0) {
        return Err("moves values in the batch dimension".to_owned());
    }
    let block = SymbolicSize::of(call.integer("blocksize", 1));
    let square = block.times(&block).ok_or("has too large blocks")?;
    let mut less = |size: &SymbolicSize, by: &SymbolicSize| {
        size.divided(by).unwrap_or_else(|| call.symbols.result("/", vec![size.clone(), by.clone()], false))
    };
    let shape = if call.operator == "DepthToSpace" {
        vec![rows.clone(), less(channels, &square), product([height, &block])?, product([width, &block])?]
    } else {
        vec![rows.clone(), product([channels, &square])?, less(height, &block), less(width, &block)]
    };
    AbstractTensor::of(Some(shape), input.batch().cloned())
}

/// The operator set since which axes are an input of `Squeeze` and `Unsqueeze`.
const AXES_BY_INPUT_SINCE: i64 = 13;
/// The operator set since which the shape is an input of `Reshape`.
const RESHAPE_BY_INPUT_SINCE: i64 = 5;
/// The largest supported rank.
const MAX_RANK: usize = 64;
