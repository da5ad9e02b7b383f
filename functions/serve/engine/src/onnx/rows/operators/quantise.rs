//! Quantisation: a scale over all values mixes rows.

use super::super::abstract_tensor::{AbstractTensor, FailureCause};
use super::super::operator_call::{OperatorCall, axis};
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "QuantizeLinear" | "DequantizeLinear" => one(linear(call)),
        "DynamicQuantizeLinear" => dynamic(call),
        _ => return None,
    })
}

pub(super) fn interpret_contributed(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    Some(match call.operator {
        "QuantizeLinear" | "DequantizeLinear" => one(linear(call)),
        "QLinearAdd" | "QLinearMul" => one(two(call)),
        "QLinearSigmoid" | "QLinearLeakyRelu" => one(single(call)),
        "DynamicQuantizeMatMul" | "DynamicQuantizeLSTM" | "QAttention" => {
            if call.inputs.iter().flatten().all(AbstractTensor::is_shared) {
                return None;
            }
            Err("quantises with a scale that is taken over all rows".to_owned())
        }
        _ => return None,
    })
}

fn linear(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0])?;
    let (input, shape) = call.ranked(0)?;
    for place in 1..call.inputs.len() {
        let Some(scale) = call.optional(place).filter(|_| input.batch().is_some()) else { continue };
        let along = match scale.rank() {
            Some(0) => continue,
            Some(1) if call.is_single(place) => continue,
            Some(1) => axis(call.integer("axis", 1), shape.len())?,
            _ => return Err("has scales in blocks".to_owned()),
        };
        if input.batch().is_some_and(|batch| batch.axis == along) {
            return Err("has a scale for each place of the batch dimension".to_owned());
        }
    }
    Ok(input.without_values())
}

fn dynamic(call: &OperatorCall<'_>) -> InterpretResult {
    let (input, _) = call.ranked(0)?;
    if input.batch().is_some() {
        return Err("takes its scale over all rows".to_owned());
    }
    Ok(vec![input.without_values(), AbstractTensor::shared(Some(Vec::new())), AbstractTensor::shared(Some(Vec::new()))])
}

/// Operators on two quantised tensors, each followed by a scale and a zero point.
fn two(call: &mut OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0, 3])?;
    if let Some(place) =
        [1, 2, 4, 5, 6, 7].into_iter().find(|place| call.optional(*place).is_some() && !call.is_single(*place))
    {
        return Err(format!("has more than one scale or zero point in input {place}"));
    }
    let (one, other) = (call.input(0)?, call.input(3)?);
    Ok(super::super::abstract_tensor::broadcast(&[&one, &other], call.symbols)?.without_values())
}

fn single(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    call.require_shared_except(&[0])?;
    if let Some(place) = (1..call.inputs.len()).find(|place| call.optional(*place).is_some() && !call.is_single(*place))
    {
        return Err(format!("has more than one scale or zero point in input {place}"));
    }
    Ok(call.input(0)?.without_values())
}
