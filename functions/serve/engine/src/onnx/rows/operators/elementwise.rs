//! Elementwise operators.

use super::super::abstract_tensor::{AbstractTensor, FailureCause, broadcast};
use super::super::operator_call::OperatorCall;
use super::InterpretResult;

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    if ONE.contains(&call.operator) {
        return Some(first(call, 1));
    }
    if MANY.contains(&call.operator) {
        // Before operator set 7, an attribute named the broadcast axis.
        if call.version < BROADCAST_SINCE && call.inputs.len() > 1 && call.attributes.has("axis") {
            return Some(Err("is of an operator set with another kind of broadcasting".to_owned()));
        }
        return Some(together(call));
    }
    match call.operator {
        // The second input determines only the datatype.
        "CastLike" => Some(first(call, 1)),
        "Dropout" => Some(dropout(call)),
        _ => None,
    }
}

pub(super) fn interpret_contributed(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    match call.operator {
        "Gelu" | "QuickGelu" | "FastGelu" | "BiasGelu" | "BiasAdd" | "Inverse" => {
            Some(if call.operator == "Inverse" { inverse(call) } else { together(call) })
        }
        _ => None,
    }
}

/// The first input's rows and shape.
fn first(call: &OperatorCall<'_>, outputs: usize) -> InterpretResult {
    let input = call.input(0)?.without_values();
    Ok(vec![input; outputs])
}

/// Broadcasts all inputs.
pub(super) fn together(call: &mut OperatorCall<'_>) -> InterpretResult {
    let inputs: Vec<&AbstractTensor> = call.inputs.iter().flatten().collect();
    Ok(vec![broadcast(&inputs, call.symbols)?.without_values()])
}

fn dropout(call: &OperatorCall<'_>) -> InterpretResult {
    if call.version < DROPOUT_INFERS_SINCE && call.integer("is_test", 0) == 0 {
        return Err("draws random numbers".to_owned());
    }
    match call.optional(2) {
        Some(training) if training.constants().is_none_or(|training| training != [0]) => {
            Err("may draw random numbers: its training mode is not a constant".to_owned())
        }
        _ => first(call, 2),
    }
}

/// The inverse of each matrix in the last two dimensions.
fn inverse(call: &OperatorCall<'_>) -> InterpretResult {
    let (input, shape) = call.ranked(0)?;
    match input.batch() {
        Some(batch) if batch.axis + 2 >= shape.len() => {
            Err(FailureCause::from("takes a matrix whose rows or columns are the batch"))
        }
        _ => Ok(vec![input.without_values()]),
    }
}

/// Operators with one input.
const ONE: [&str; 45] = [
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitwiseNot",
    "Cast",
    "Ceil",
    "Celu",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "RegexFullMatch",
];
/// Operators that broadcast their inputs.
const MANY: [&str; 26] = [
    "Add",
    "And",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Clip",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "PRelu",
    "Pow",
    "StringConcat",
    "Sub",
    "Sum",
    "Where",
    "Xor",
];
const BROADCAST_SINCE: i64 = 7;
const DROPOUT_INFERS_SINCE: i64 = 7;
