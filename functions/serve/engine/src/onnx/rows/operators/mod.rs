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
pub(super) fn interpret(call: &mut OperatorCall<'_>) -> InterpretResult {
    if let Some(numbered) = row_indices::interpret(call) {
        return numbered;
    }
    let counted = call.inputs.iter().position(|input| input.as_ref().is_some_and(AbstractTensor::depends_on_row_count));
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
            elementwise::interpret,
            layout::interpret,
            slice::interpret,
            gather::interpret,
            reduce::interpret,
            linear::interpret,
            einsum::interpret,
            convolution::interpret,
            normalise::interpret,
            create::interpret,
            recurrent::interpret,
            quantise::interpret,
            attention::interpret,
        ],
        "ai.onnx.ml" => &[machine_learning::interpret],
        "com.microsoft" => &[
            elementwise::interpret_contributed,
            linear::interpret_contributed,
            normalise::interpret_contributed,
            quantise::interpret_contributed,
            attention::interpret_contributed,
            gather::interpret_contributed,
        ],
        _ => &[],
    };
    let interpreted = families.iter().find_map(|family| family(call));
    interpreted.unwrap_or_else(|| Err("is an operator whose rows are not known to stay apart".to_owned()))
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
