//! Operators that take values of the same place from each input.

use super::super::call::Call;
use super::super::tensor::{Cause, Tensor, broadcast};
use super::Followed;

pub(super) fn follow(call: &mut Call<'_>) -> Option<Followed> {
    if ONE.contains(&call.operator) {
        return Some(first(call, 1));
    }
    if MANY.contains(&call.operator) {
        // Before operator set 7 inputs were broadcast along an axis that an attribute names.
        if call.version < BROADCAST_SINCE && call.inputs.len() > 1 && call.attributes.has("axis") {
            return Some(Err("is of an operator set with another kind of broadcasting".to_owned()));
        }
        return Some(together(call));
    }
    match call.operator {
        // The second input only says a datatype.
        "CastLike" => Some(first(call, 1)),
        "Dropout" => Some(dropout(call)),
        _ => None,
    }
}

pub(super) fn follow_contributed(call: &mut Call<'_>) -> Option<Followed> {
    match call.operator {
        "Gelu" | "QuickGelu" | "FastGelu" | "BiasGelu" | "BiasAdd" | "Inverse" => {
            Some(if call.operator == "Inverse" { inverse(call) } else { together(call) })
        }
        _ => None,
    }
}

/// The first input's rows and shape.
fn first(call: &Call<'_>, outputs: usize) -> Followed {
    let input = call.input(0)?.without_values();
    Ok(vec![input; outputs])
}

/// All inputs together.
pub(super) fn together(call: &mut Call<'_>) -> Followed {
    let inputs: Vec<&Tensor> = call.inputs.iter().flatten().collect();
    Ok(vec![broadcast(&inputs, call.symbols)?.without_values()])
}

fn dropout(call: &Call<'_>) -> Followed {
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

/// Of each matrix in the last two dimensions.
fn inverse(call: &Call<'_>) -> Followed {
    let (input, shape) = call.ranked(0)?;
    match input.batch() {
        Some(batch) if batch.axis + 2 >= shape.len() => {
            Err(Cause::from("takes a matrix whose rows or columns are the batch"))
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
