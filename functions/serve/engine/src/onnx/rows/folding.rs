//! Constant folding of shape computations: operators on small integer tensors, whose values are polynomials.
//!
//! An unknown result that does not depend on the number of rows becomes a symbol. Other results are left to
//! `operators/`, which refuses them.

use super::super::NetworkFiles;
use super::abstract_tensor::{AbstractTensor, product};
use super::constant::{BOOL, DOUBLE, FLOAT, INT32, INT64, MAX_TRACKED_VALUES, constant};
use super::operator_call::{OperatorCall, axis};
use super::operators;
use super::symbolic_size::{SymbolTable, SymbolicSize};

/// The outputs of `call`, if their values are known.
pub(super) fn fold(call: &mut OperatorCall<'_>, files: &NetworkFiles) -> Option<Vec<AbstractTensor>> {
    if !call.domain.is_empty() {
        return None;
    }
    let folded = match call.operator {
        "Constant" => literal(call, files),
        "Identity" => call.optional(0)?.clone(),
        "Shape" => shape(call)?,
        "Size" => AbstractTensor::scalar(product(call.optional(0)?.shape()?).ok()?),
        "Cast" => cast(call)?,
        "Unsqueeze" | "Squeeze" | "Reshape" | "Flatten" => moved(call)?,
        "Transpose" => transpose(call)?,
        "Gather" => gather(call)?,
        "Slice" => slice(call)?,
        "Concat" => concat(call)?,
        "Split" => return split(call),
        "Expand" => expand(call)?,
        "ConstantOfShape" => filled(call, files)?,
        "Range" => range(call)?,
        "ReduceProd" | "ReduceSum" => reduce(call)?,
        "Floor" | "Ceil" | "Round" => call.optional(0).filter(|tensor| tensor.constants().is_some())?.clone(),
        _ => elementwise(call)?,
    };
    Some(vec![folded])
}

fn literal(call: &mut OperatorCall<'_>, files: &NetworkFiles) -> AbstractTensor {
    let attributes = &call.attributes;
    let count =
        |count: usize| AbstractTensor::shared(Some(vec![SymbolicSize::of(i64::try_from(count).unwrap_or(i64::MAX))]));
    if let Some(bytes) = attributes.tensor("value") {
        constant(bytes, files, call.symbols)
    } else if let Some(value) = attributes.integer("value_int") {
        AbstractTensor::scalar(SymbolicSize::of(value))
    } else if let Some(values) = attributes.integers("value_ints") {
        if values.len() > MAX_TRACKED_VALUES {
            count(values.len())
        } else {
            AbstractTensor::vector(values.iter().copied().map(SymbolicSize::of).collect())
        }
    } else if let Some(values) = attributes.floats("value_floats") {
        count(values.len())
    } else if attributes.has("value_strings") {
        count(attributes.texts("value_strings"))
    } else if attributes.has("value_float") || attributes.has("value_string") {
        AbstractTensor::shared(Some(Vec::new()))
    } else {
        AbstractTensor::shared(None)
    }
}

fn shape(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let shape = call.optional(0)?.shape()?;
    let count = i64::try_from(shape.len()).ok()?;
    let place = |number: i64| {
        usize::try_from((if number < 0 { number.saturating_add(count) } else { number }).clamp(0, count)).unwrap_or(0)
    };
    let (start, end) = (place(call.integer("start", 0)), place(call.integer("end", count)));
    Some(AbstractTensor::vector(shape.get(start..end.max(start))?.to_vec()))
}

fn cast(call: &mut OperatorCall<'_>) -> Option<AbstractTensor> {
    let input = call.optional(0)?.clone();
    let (known, shape) = (input.known()?, input.shape()?.to_vec());
    let to = i32::try_from(call.integer("to", 0)).ok()?;
    let is_whole = !input.is_float() || input.constants().is_some();
    match to {
        INT32 | INT64 if is_whole => Some(input.clone().with_float(false)),
        FLOAT | DOUBLE => Some(input.clone().with_float(true)),
        BOOL => {
            let bits: Option<Vec<_>> =
                known.iter().map(|value| value.number().map(|value| SymbolicSize::of(i64::from(value != 0)))).collect();
            Some(AbstractTensor::numbers(shape, bits?))
        }
        _ => None,
    }
}

/// Operators that keep values and change shapes.
fn moved(call: &mut OperatorCall<'_>) -> Option<AbstractTensor> {
    let input = call.optional(0)?.clone();
    let known = input.known()?.to_vec();
    call.inputs[0] = Some(input.without_values());
    let interpreted = operators::interpret(call);
    call.inputs[0] = Some(input.clone());
    let shape = interpreted.ok()?.first()?.shape()?.to_vec();
    Some(AbstractTensor::numbers(shape, known).with_float(input.is_float()))
}

/// A known vector.
fn vector(tensor: &AbstractTensor) -> Option<&[SymbolicSize]> {
    tensor.known().filter(|_| tensor.rank() == Some(1))
}

fn gather(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let (data, indices) = (call.optional(0)?, call.optional(1)?);
    let values = vector(data)?;
    let count = i64::try_from(values.len()).ok()?;
    let places = indices.constants()?;
    let place =
        |index: &i64| values.get(usize::try_from(if *index < 0 { index + count } else { *index }).ok()?).cloned();
    let known: Option<Vec<_>> = places.iter().map(place).collect();
    Some(AbstractTensor::numbers(indices.shape()?.to_vec(), known?).with_float(data.is_float()))
}

fn slice(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let data = call.optional(0)?;
    let sizes: Option<Vec<i64>> = data.shape()?.iter().map(SymbolicSize::number).collect();
    let (sizes, values) = (sizes?, data.known()?);
    let mut taken: Vec<Vec<usize>> =
        sizes.iter().map(|size| (0..usize::try_from(*size).unwrap_or(0)).collect()).collect();
    let operators::SliceOperands { axes, starts, ends, steps } = operators::slices(call).ok()?;
    let axes = axes.unwrap_or_else(|| (0..i64::try_from(starts.len()).unwrap_or(0)).collect());
    for (((along, start), end), step) in axes.iter().zip(&starts).zip(&ends).zip(&steps) {
        let along = axis(*along, sizes.len()).ok()?;
        taken[along] = places(sizes[along], start.number()?, end.number()?, step.number()?)?;
    }
    picked(data, values, &sizes, &taken)
}

/// The indices from `start` to `end` of a dimension.
fn places(size: i64, start: i64, end: i64, step: i64) -> Option<Vec<usize>> {
    let from_end = |place: i64| if place < 0 { place.saturating_add(size) } else { place };
    let (mut place, end) = match step {
        1.. => (from_end(start).clamp(0, size), from_end(end).clamp(0, size)),
        ..=-1 => (from_end(start).clamp(-1, size - 1), from_end(end).clamp(-1, size - 1)),
        0 => return None,
    };
    let mut places = Vec::new();
    while (step > 0 && place < end) || (step < 0 && place > end) {
        places.push(usize::try_from(place).ok()?);
        place = place.checked_add(step)?;
    }
    Some(places)
}

/// The values at these indices of each dimension.
fn picked(
    data: &AbstractTensor,
    values: &[SymbolicSize],
    sizes: &[i64],
    taken: &[Vec<usize>],
) -> Option<AbstractTensor> {
    let mut flat = vec![0_usize];
    for (size, places) in sizes.iter().zip(taken) {
        let size = usize::try_from(*size).ok()?;
        flat = flat.iter().flat_map(|index| places.iter().map(move |place| index * size + place)).collect();
    }
    let known: Option<Vec<SymbolicSize>> = flat.into_iter().map(|index| values.get(index).cloned()).collect();
    let shape = taken.iter().map(|places| SymbolicSize::of(i64::try_from(places.len()).unwrap_or(0))).collect();
    Some(AbstractTensor::numbers(shape, known?).with_float(data.is_float()))
}

/// Transposes a matrix.
fn transpose(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let data = call.optional(0)?;
    let [rows, columns] = data.shape()? else { return None };
    let (rows, columns) = (usize::try_from(rows.number()?).ok()?, usize::try_from(columns.number()?).ok()?);
    if !matches!(call.attributes.integers("perm"), None | Some([1, 0])) {
        return None;
    }
    let values = data.known()?;
    let turned = (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
    let known: Option<Vec<SymbolicSize>> = turned.map(|index| values.get(index).cloned()).collect();
    let shape = data.shape()?.iter().rev().cloned().collect();
    Some(AbstractTensor::numbers(shape, known?).with_float(data.is_float()))
}

fn concat(call: &mut OperatorCall<'_>) -> Option<AbstractTensor> {
    let inputs: Vec<AbstractTensor> = call.inputs.iter().flatten().cloned().collect();
    if inputs.iter().all(|input| input.known().is_none()) {
        return None;
    }
    let mut known = Vec::new();
    for input in &inputs {
        let [size] = input.shape()? else { return None };
        match input.known() {
            Some(values) => known.extend(values.iter().cloned()),
            None if input.is_shared() => {
                let count = usize::try_from(size.number()?).ok().filter(|count| *count <= MAX_TRACKED_VALUES)?;
                known.extend((0..count).map(|_| call.symbols.any_number()));
            }
            None => return None,
        }
    }
    (known.len() <= MAX_TRACKED_VALUES)
        .then(|| AbstractTensor::vector(known).with_float(inputs.iter().any(AbstractTensor::is_float)))
}

fn split(call: &OperatorCall<'_>) -> Option<Vec<AbstractTensor>> {
    let data = call.optional(0)?;
    let values = vector(data)?;
    let each = values.len().div_ceil(call.outputs.max(1));
    let equal = |place: usize| i64::try_from(each.min(values.len().saturating_sub(place * each))).ok();
    let sizes = match (call.optional(1), call.attributes.integers("split")) {
        (Some(sizes), _) => sizes.constants()?,
        (None, Some(sizes)) => sizes.to_vec(),
        (None, None) => (0..call.outputs).map(equal).collect::<Option<_>>()?,
    };
    let mut from = 0_usize;
    let part = |size: &i64| {
        let to = from.checked_add(usize::try_from(*size).ok()?)?;
        let part = values.get(from..to)?;
        from = to;
        Some(AbstractTensor::vector(part.to_vec()).with_float(data.is_float()))
    };
    sizes.iter().map(part).collect()
}

fn expand(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let data = call.optional(0)?;
    let [value] = data.known()? else { return None };
    let shape = call.optional(1)?.constants()?;
    let count = count(&shape)?;
    let rank = data.rank()?;
    if shape.len() < rank {
        return None;
    }
    let shape = shape.into_iter().map(SymbolicSize::of).collect();
    Some(AbstractTensor::numbers(shape, vec![value.clone(); count]).with_float(data.is_float()))
}

/// The number of values of a shape, if it is small.
fn count(shape: &[i64]) -> Option<usize> {
    let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(usize::try_from(*size).ok()?))?;
    (count <= MAX_TRACKED_VALUES).then_some(count)
}

fn filled(call: &mut OperatorCall<'_>, files: &NetworkFiles) -> Option<AbstractTensor> {
    let shape = call.optional(0)?.constants()?;
    let count = count(&shape)?;
    let (value, float) = match call.attributes.tensor("value") {
        Some(bytes) => {
            let value = constant(bytes, files, call.symbols);
            (value.known()?.first()?.clone(), value.is_float())
        }
        None => (SymbolicSize::of(0), true),
    };
    let shape = shape.into_iter().map(SymbolicSize::of).collect();
    Some(AbstractTensor::numbers(shape, vec![value; count]).with_float(float))
}

fn range(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let number = |place: usize| call.optional(place)?.constants()?.first().copied();
    let (start, limit, delta) = (number(0)?, number(1)?, number(2)?);
    let mut known = Vec::new();
    let mut value = start;
    while (delta > 0 && value < limit) || (delta < 0 && value > limit) {
        known.push(SymbolicSize::of(value));
        value = value.checked_add(delta)?;
        if known.len() > MAX_TRACKED_VALUES {
            return None;
        }
    }
    Some(AbstractTensor::vector(known).with_float(call.optional(0)?.is_float()))
}

/// The product or the sum of a known vector.
fn reduce(call: &OperatorCall<'_>) -> Option<AbstractTensor> {
    let data = call.optional(0)?;
    let values = vector(data)?;
    let is_empty =
        call.axes(if call.operator == "ReduceSum" { 13 } else { 18 }, 1).ok()?.is_none_or(|axes| axes.is_empty());
    if is_empty && call.integer("noop_with_empty_axes", 0) != 0 {
        return None;
    }
    let total = match call.operator {
        "ReduceProd" => product(values).ok()?,
        _ => values.iter().try_fold(SymbolicSize::of(0), |sum, value| sum.plus(value))?,
    };
    let shape = if call.integer("keepdims", 1) == 0 { Vec::new() } else { vec![SymbolicSize::of(1)] };
    Some(AbstractTensor::numbers(shape, vec![total]).with_float(data.is_float()))
}

fn elementwise(call: &mut OperatorCall<'_>) -> Option<AbstractTensor> {
    let arguments = match call.operator {
        "Neg" | "Abs" | "Not" => 1,
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Min" | "Max" | "Equal" | "Less" | "Greater" | "LessOrEqual"
        | "GreaterOrEqual" | "And" | "Or" => 2,
        "Where" => 3,
        _ => return None,
    };
    let inputs: Option<Vec<AbstractTensor>> = call.inputs.iter().cloned().collect();
    let inputs = inputs.filter(|inputs| inputs.len() == arguments)?;
    let mut shapes = Vec::new();
    for input in &inputs {
        input.known()?;
        let sizes: Option<Vec<i64>> = input.shape()?.iter().map(SymbolicSize::number).collect();
        shapes.push(sizes?);
    }
    let shape = common(&shapes)?;
    let count = count(&shape)?;
    // The condition of `Where` does not determine the datatype.
    let float = inputs.last().is_some_and(AbstractTensor::is_float);
    let mut known = Vec::with_capacity(count);
    for place in 0..count {
        let values: Option<Vec<SymbolicSize>> = inputs
            .iter()
            .zip(&shapes)
            .map(|(input, own)| input.known()?.get(source(place, &shape, own)).cloned())
            .collect();
        known.push(value(call.operator, &values?, float, call.symbols)?);
    }
    let float = float && !matches!(call.operator, "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual");
    Some(AbstractTensor::numbers(shape.into_iter().map(SymbolicSize::of).collect(), known).with_float(float))
}

/// The broadcast shape.
fn common(shapes: &[Vec<i64>]) -> Option<Vec<i64>> {
    let rank = shapes.iter().map(Vec::len).max()?;
    let mut common = vec![1; rank];
    for shape in shapes {
        for (size, own) in common[rank - shape.len()..].iter_mut().zip(shape) {
            match (*size, *own) {
                (_, 1) => {}
                (1, own) => *size = own,
                (size, own) if size == own => {}
                _ => return None,
            }
        }
    }
    Some(common)
}

/// The index in a tensor of the shape `own` of the value at `place` of the broadcast `shape`.
fn source(place: usize, shape: &[i64], own: &[i64]) -> usize {
    let (mut rest, mut source, mut stride) = (place, 0, 1);
    for (axis, size) in shape.iter().enumerate().rev() {
        let size = usize::try_from(*size).unwrap_or(1).max(1);
        let index = rest % size;
        rest /= size;
        if let Some(own) = (axis + own.len()).checked_sub(shape.len()).and_then(|axis| own.get(axis)) {
            if *own != 1 {
                source += index * stride;
            }
            stride *= usize::try_from(*own).unwrap_or(1);
        }
    }
    source
}

/// The result of an operator on single values; `None` if it depends on the number of rows in an unknown way.
fn value(operator: &str, values: &[SymbolicSize], float: bool, symbols: &mut SymbolTable) -> Option<SymbolicSize> {
    let truth = |is: bool| Some(SymbolicSize::of(i64::from(is)));
    let known = match (operator, values) {
        ("Neg", [one]) => one.times(&SymbolicSize::of(-1)),
        ("Abs", [one]) if one.is_non_negative(symbols) => Some(one.clone()),
        ("Not", [one]) => one.number().and_then(|one| truth(one == 0)),
        ("Add", [one, other]) => one.plus(other),
        ("Sub", [one, other]) => one.minus(other),
        ("Mul", [one, other]) => one.times(other),
        ("Div", [one, other]) => match (one.number(), other.number()) {
            (Some(one), Some(other)) if !float => one.checked_div(other).map(SymbolicSize::of),
            _ => one.divided(other),
        },
        ("Mod", [one, other]) => match (one.number(), other.number()) {
            (Some(one), Some(other)) if one >= 0 && other > 0 => Some(SymbolicSize::of(one % other)),
            _ => None,
        },
        ("Max", [one, other]) if is_least(other, one, symbols) => Some(one.clone()),
        ("Max", [one, other]) if is_least(one, other, symbols) => Some(other.clone()),
        ("Min", [one, other]) if is_least(one, other, symbols) => Some(one.clone()),
        ("Min", [one, other]) if is_least(other, one, symbols) => Some(other.clone()),
        ("Equal", [one, other]) if one == other => truth(true),
        ("Equal", [one, other]) if is_less(one, other, symbols) || is_less(other, one, symbols) => truth(false),
        ("Less", [one, other]) | ("Greater", [other, one]) if is_less(one, other, symbols) => truth(true),
        ("Less", [one, other]) | ("Greater", [other, one]) if is_least(other, one, symbols) => truth(false),
        ("LessOrEqual", [one, other]) | ("GreaterOrEqual", [other, one]) if is_least(one, other, symbols) => {
            truth(true)
        }
        ("LessOrEqual", [one, other]) | ("GreaterOrEqual", [other, one]) if is_less(other, one, symbols) => {
            truth(false)
        }
        ("And", [one, other]) => {
            one.number().zip(other.number()).and_then(|(one, other)| truth(one != 0 && other != 0))
        }
        ("Or", [one, other]) => one.number().zip(other.number()).and_then(|(one, other)| truth(one != 0 || other != 0)),
        ("Where", [_, one, other]) if one == other => Some(one.clone()),
        ("Where", [condition, one, other]) => {
            condition.number().map(|condition| if condition == 0 { other.clone() } else { one.clone() })
        }
        _ => None,
    };
    if known.is_some() || values.iter().any(SymbolicSize::has_batch) {
        return known;
    }
    let is_non_negative = match operator {
        "Sub" | "Neg" => false,
        "Where" => values[1..].iter().all(|value| value.is_non_negative(symbols)),
        _ => values.iter().all(|value| value.is_non_negative(symbols)),
    };
    let name = if float { format!("float {operator}") } else { operator.to_owned() };
    Some(symbols.result(&name, values.to_vec(), !is_non_negative))
}

/// Whether `one` is at most `other` for all values of the symbols.
fn is_least(one: &SymbolicSize, other: &SymbolicSize, symbols: &SymbolTable) -> bool {
    other.minus(one).is_some_and(|difference| difference.is_non_negative(symbols))
}

/// Whether `one` is less than `other` for all values of the symbols.
fn is_less(one: &SymbolicSize, other: &SymbolicSize, symbols: &SymbolTable) -> bool {
    other.minus(one).is_some_and(|difference| difference.is_positive(symbols))
}
