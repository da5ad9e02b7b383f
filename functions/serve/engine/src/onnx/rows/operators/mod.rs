//! The transfer functions of operators. Each operator is listed with the conditions under which it keeps rows apart.
//! Its function returns the batch dimension of the outputs, or why rows may mix.
//!
//! Source: ONNX's operator schemas up to operator set 24, and those of ONNX Runtime's contributed operators.

mod attention;
mod convolution;
mod create;
mod einsum;
mod elementwise;
mod gather;
mod layout;
mod linear;
mod machine_learning;
mod normalise;
mod quantise;
mod recurrent;
mod reduce;
mod slice;

pub(super) use self::slice::{SliceOperands, slices};
use super::abstract_tensor::{AbstractTensor, FailureCause};
use super::operator_call::OperatorCall;
use super::row_indices;

/// The outputs of an operator, or why rows may mix.
type InterpretResult = Result<Vec<AbstractTensor>, FailureCause>;

/// The outputs of `call`.
pub(super) fn follow(call: &mut OperatorCall<'_>) -> InterpretResult {
    if let Some(numbered) = row_indices::follow(call) {
        return numbered;
    }
    let counted = call.inputs.iter().position(|input| input.as_ref().is_some_and(AbstractTensor::counts_rows));
    if let Some(place) = counted
        && !takes_shape(call.operator, place)
    {
        return Err("uses the number of rows as a value".to_owned());
    }
    if is_random(call.domain, call.operator) {
        return Err("draws random numbers".to_owned());
    }
    let families: &[fn(&mut OperatorCall<'_>) -> Option<InterpretResult>] = match call.domain {
        "" => &[
            elementwise::follow,
            layout::follow,
            slice::follow,
            gather::follow,
            reduce::follow,
            linear::follow,
            einsum::follow,
            convolution::follow,
            normalise::follow,
            create::follow,
            recurrent::follow,
            quantise::follow,
            attention::follow,
        ],
        "ai.onnx.ml" => &[machine_learning::follow],
        "com.microsoft" => &[
            elementwise::follow_contributed,
            linear::follow_contributed,
            normalise::follow_contributed,
            quantise::follow_contributed,
            attention::follow_contributed,
            gather::follow_contributed,
        ],
        _ => &[],
    };
    let followed = families.iter().find_map(|family| family(call));
    followed.unwrap_or_else(|| Err("is an operator whose rows are not known to stay apart".to_owned()))
}

/// Whether the operator draws random numbers.
pub(super) fn is_random(domain: &str, operator: &str) -> bool {
    const RANDOM: [&str; 6] =
        ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"];
    domain.is_empty() && RANDOM.contains(&operator) || operator == "Sampling"
}

/// Whether `domain` is reserved for ONNX Runtime's own operators.
pub(super) fn is_reserved(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx.ml") || domain.starts_with("com.microsoft")
}

/// Whether the input at `place` is a shape, whose dependence on the number of rows the operator checks itself.
fn takes_shape(operator: &str, place: usize) -> bool {
    matches!(
        (operator, place),
        ("Reshape" | "Expand" | "Tile" | "AffineGrid" | "Range", 1)
            | ("ConstantOfShape", 0)
            | ("Resize", 3)
            | ("Slice", 1 | 2)
    )
}

/// The only output.
fn one(tensor: Result<AbstractTensor, FailureCause>) -> InterpretResult {
    Ok(vec![tensor?])
}
