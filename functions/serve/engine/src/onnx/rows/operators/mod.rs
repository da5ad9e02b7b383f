//! What each operator does to rows. An operator is listed with what it needs so that rows stay apart; each function here either says
//! where the rows lie afterwards, or why they may meet.
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

pub(super) use self::slice::{Slices, slices};
use super::call::Call;
use super::number;
use super::tensor::{Cause, Tensor};

/// What an operator gives.
type Followed = Result<Vec<Tensor>, Cause>;

/// The outputs of `call`.
pub(super) fn follow(call: &mut Call<'_>) -> Followed {
    if let Some(numbered) = number::follow(call) {
        return numbered;
    }
    let counted = call.inputs.iter().position(|input| input.as_ref().is_some_and(Tensor::counts_rows));
    if let Some(place) = counted
        && !takes_shape(call.operator, place)
    {
        return Err("uses the number of rows as a value".to_owned());
    }
    if is_random(call.domain, call.operator) {
        return Err("draws random numbers".to_owned());
    }
    let families: &[fn(&mut Call<'_>) -> Option<Followed>] = match call.domain {
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

/// Whether what it gives depends on what was drawn before.
pub(super) fn is_random(domain: &str, operator: &str) -> bool {
    const RANDOM: [&str; 6] =
        ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"];
    domain.is_empty() && RANDOM.contains(&operator) || operator == "Sampling"
}

/// Whether the operators of `domain` are ONNX Runtime's own.
pub(super) fn is_reserved(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx.ml") || domain.starts_with("com.microsoft")
}

/// Whether an operator takes a shape in the input at `place`, of which it says itself what the number of rows does there.
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
fn one(tensor: Result<Tensor, Cause>) -> Followed {
    Ok(vec![tensor?])
}
