//! Operators on images and signals of the shape `[batch, channels, …]`.

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::super::operator_call::{OperatorCall, axis, require_batch_at};
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "Conv" | "ConvInteger" => one(convolution(call, 0, 1)),
        "QLinearConv" => one(convolution(call, 0, 3)),
        "ConvTranspose" => one(spread(call)),
        "MaxPool" | "AveragePool" | "LpPool" => one(pool(call)),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => one(global(call)),
        "Resize" | "Upsample" => one(resize(call)),
        "GridSample" => one(grid(call)),
        "AffineGrid" => one(affine(call)),
        "Col2Im" => one(columns(call)),
        _ => return None,
    })
}

/// The input, whose rows have to be its first dimension.
fn images(call: &OperatorCall<'_>, place: usize) -> Result<(Option<BatchAxis>, Vec<SymbolicSize>), FailureCause> {
    let (input, shape) = call.ranked(place)?;
    if shape.len() < 3 && call.operator != "GlobalLpPool" {
        return Err("has fewer than three dimensions".to_owned());
    }
    Ok((require_batch_at(&input, 0, "an image")?, shape))
}

fn convolution(call: &mut OperatorCall<'_>, input: usize, weights: usize) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[input])?;
    let (batch, shape) = images(call, input)?;
    let (_, kernel) = call.ranked(weights)?;
    let mut result = vec![shape[0].clone(), kernel.first().cloned().ok_or("has no weights")?];
    for (place, size) in shape[2..].iter().enumerate() {
        let window = kernel.get(place + 2).cloned().ok_or("has weights of fewer dimensions")?;
        result.push(windows(call, size, &window, place, shape.len() - 2));
    }
    AbstractTensor::of(Some(result), batch)
}

fn pool(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    // Its second output has indices over the whole batch, so it is omitted, and its uses are not proven.
    let (batch, shape) = images(call, 0)?;
    let kernel = call.attributes.integers("kernel_shape").ok_or("has no kernel_shape")?.to_vec();
    let mut result = shape[..2].to_vec();
    for (place, size) in shape[2..].iter().enumerate() {
        let window = SymbolicSize::of(kernel.get(place).copied().ok_or("has a kernel of fewer dimensions")?);
        result.push(windows(call, size, &window, place, shape.len() - 2));
    }
    AbstractTensor::of(Some(result), batch)
}

/// The number of window positions along a dimension.
fn windows(
    call: &mut OperatorCall<'_>,
    size: &SymbolicSize,
    window: &SymbolicSize,
    place: usize,
    count: usize,
) -> SymbolicSize {
    let of = |name: &str, place: usize, default: i64| {
        call.attributes.integers(name).and_then(|values| values.get(place)).copied().unwrap_or(default)
    };
    let (stride, dilation) = (of("strides", place, 1).max(1), of("dilations", place, 1).max(1));
    let (before, after) = (of("pads", place, 0), of("pads", place + count, 0));
    let padding = call.attributes.text("auto_pad").unwrap_or(b"NOTSET");
    let up = call.integer("ceil_mode", 0) != 0;
    let known = size.number().zip(window.number()).filter(|_| !up);
    if let Some((size, window)) = known {
        let span = dilation.saturating_mul(window.saturating_sub(1)).saturating_add(1);
        let places = match padding {
            b"SAME_UPPER" | b"SAME_LOWER" => Some(size.saturating_add(stride - 1) / stride),
            b"VALID" => Some(size.saturating_sub(span) / stride + 1),
            b"NOTSET" | b"" => {
                Some(size.saturating_add(before).saturating_add(after).saturating_sub(span) / stride + 1)
            }
            _ => None,
        };
        if let Some(places) = places.filter(|places| *places > 0) {
            return SymbolicSize::of(places);
        }
    }
    call.symbols.any()
}

fn spread(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0])?;
    let (batch, shape) = images(call, 0)?;
    let (_, kernel) = call.ranked(1)?;
    let groups = SymbolicSize::of(call.integer("group", 1));
    let channels = kernel.get(1).and_then(|channels| channels.times(&groups)).unwrap_or_else(|| call.symbols.any());
    let mut result = vec![shape[0].clone(), channels];
    result.extend(shape[2..].iter().map(|_| call.symbols.any()));
    AbstractTensor::of(Some(result), batch)
}

fn global(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (batch, mut shape) = images(call, 0)?;
    shape.iter_mut().skip(2).for_each(|size| *size = SymbolicSize::of(1));
    AbstractTensor::of(Some(shape), batch)
}

fn resize(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (input, shape) = call.ranked(0)?;
    let (scales, sizes) = match (call.operator, call.version) {
        ("Upsample", ..9) => (None, None),
        ("Upsample", _) | (_, ..11) => (call.optional(1), None),
        _ => (call.optional(2), call.optional(3)),
    };
    let is_empty = |tensor: &&AbstractTensor| tensor.shape().is_some_and(|shape| shape.iter().any(|size| size.is(0)));
    let (scales, sizes) = (scales.filter(|scales| !is_empty(scales)), sizes.filter(|sizes| !is_empty(sizes)));
    let axes = match call.attributes.integers("axes") {
        Some(axes) => axes.iter().map(|place| axis(*place, shape.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..shape.len()).collect(),
    };
    if let Some(batch) = input.batch() {
        let place = axes.iter().position(|axis| *axis == batch.axis);
        let keeps = match (place, scales, sizes) {
            (None, _, _) => true,
            (Some(place), Some(scales), None) => {
                scales.known().and_then(|scales| scales.get(place)).is_some_and(|scale| scale.is(1))
            }
            (Some(place), None, Some(sizes)) => {
                sizes.known().and_then(|sizes| sizes.get(place)) == shape.get(batch.axis)
            }
            (Some(place), None, None) => {
                call.attributes.floats("scales").and_then(|scales| scales.get(place)) == Some(&1.0)
            }
            _ => false,
        };
        // Scales may be computed from sizes of all dimensions, and a region covers all of them.
        let plain = call.attributes.text("coordinate_transformation_mode") != Some(b"tf_crop_and_resize")
            && call.attributes.text("keep_aspect_ratio_policy").is_none_or(|policy| policy == b"stretch");
        if !keeps || !plain || sizes.or(scales).is_some_and(|operand| operand.batch().is_some()) {
            return Err("may resize the batch dimension".to_owned());
        }
    }
    if call.inputs.iter().skip(1).flatten().any(|operand| operand.batch().is_some()) {
        return Err("takes its sizes from the rows".to_owned());
    }
    let known = sizes.and_then(AbstractTensor::known).map(<[SymbolicSize]>::to_vec);
    let mut result = shape.clone();
    for (place, along) in axes.iter().enumerate() {
        let size = known
            .as_ref()
            .and_then(|sizes| sizes.get(place))
            .filter(|size| size.is_non_negative(call.symbols) && !size.has_batch());
        result[*along] = size.cloned().unwrap_or_else(|| call.symbols.any());
    }
    AbstractTensor::of(Some(result), input.batch().cloned())
}

fn grid(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let ((images, shape), (grid, places)) = (call.ranked(0)?, call.ranked(1)?);
    let batch = match (images.batch(), grid.batch()) {
        (None, None) => None,
        (Some(batch), Some(other)) if batch == other && batch.axis == 0 => Some(batch.clone()),
        _ => return Err("samples rows at places of others".to_owned()),
    };
    let inner = places.len().checked_sub(1).and_then(|last| places.get(1..last)).ok_or("has no grid")?;
    AbstractTensor::of(Some(shape.iter().take(2).chain(inner).cloned().collect()), batch)
}

fn affine(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let (theta, shape) = call.ranked(0)?;
    let batch = require_batch_at(&theta, 0, "the transformations")?;
    let Some(sizes) = call.optional(1).and_then(AbstractTensor::known).map(<[SymbolicSize]>::to_vec) else {
        return Err("has a size that is not known".to_owned());
    };
    let (Some(rows), Some(own)) = (sizes.first(), shape.first()) else { return Err("has no size".to_owned()) };
    let inner = sizes.get(2..).unwrap_or_default();
    if rows != own || inner.iter().any(|size| size.has_batch() || !size.is_non_negative(call.symbols)) {
        return Err("makes a grid of another number of rows".to_owned());
    }
    let last = SymbolicSize::of(i64::try_from(inner.len()).unwrap_or(0));
    AbstractTensor::of(Some([rows.clone()].iter().chain(inner).chain([&last]).cloned().collect()), batch)
}

fn columns(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared([1, 2])?;
    let (input, shape) = call.ranked(0)?;
    let batch = require_batch_at(&input, 0, "the columns")?;
    let count = call
        .optional(1)
        .and_then(AbstractTensor::shape)
        .and_then(|shape| shape.first()?.number())
        .ok_or("has no image shape")?;
    let mut result = vec![shape.first().cloned().ok_or("takes a scalar")?, call.symbols.any()];
    result.extend((0..count.clamp(0, 8)).map(|_| call.symbols.any()));
    AbstractTensor::of(Some(result), batch)
}
