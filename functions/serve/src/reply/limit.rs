//! The size limit of responses. A call is refused before it runs if the shapes show that its outputs will be too large, else before the
//! response is written.

use std::collections::BTreeMap;

use amaas_wire::{Datatype, Tensor};

use crate::error::Error;
use crate::error::ResponseError;
use amaas_engine::{Dim, TensorSpec};
use amaas_model::manifest::Manifest;

/// Refuses inputs if their outputs will have more than `limit` bytes, as far as the shapes are known. The outputs are those in `wanted`,
/// or all if it is empty.
pub(crate) fn check_expected_outputs(
    manifest: &Manifest,
    inputs: &[Tensor],
    wanted: &[String],
    limit: u64,
) -> Result<(), Error> {
    let mut sizes = BTreeMap::new();
    for input in inputs {
        let Some(spec) = manifest.inputs.iter().find(|spec| spec.name == input.name()) else { continue };
        for (dim, size) in spec.shape.iter().zip(input.shape()) {
            if let Dim::Symbol(symbol) = dim
                && !symbol.is_empty()
            {
                sizes.insert(symbol.as_str(), *size as u64);
            }
        }
    }
    let outputs = manifest.outputs.iter().filter(|spec| wanted.is_empty() || wanted.contains(&spec.name));
    let bytes = outputs.filter_map(|spec| expected_bytes(spec, &sizes)).fold(0, u64::saturating_add);
    check_response_size(bytes, limit)
}

/// Bytes of the output that `spec` describes; `None` if a dimension is unknown.
fn expected_bytes(spec: &TensorSpec, sizes: &BTreeMap<&str, u64>) -> Option<u64> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => Some(*size as u64),
        Dim::Symbol(symbol) => sizes.get(symbol.as_str()).copied(),
    };
    let width = width(spec.datatype);
    let sizes = spec.shape.iter().map(size).collect::<Option<Vec<_>>>().filter(|_| !spec.unranked)?;
    Some(if sizes.contains(&0) { 0 } else { sizes.into_iter().fold(width, u64::saturating_mul) })
}

/// The smallest size of a value in bytes.
fn width(datatype: Datatype) -> u64 {
    match datatype {
        Datatype::Bool | Datatype::Uint8 | Datatype::Int8 | Datatype::Bytes => 1,
        Datatype::Uint16 | Datatype::Int16 | Datatype::Fp16 | Datatype::Bf16 => 2,
        Datatype::Uint32 | Datatype::Int32 | Datatype::Fp32 => 4,
        Datatype::Uint64 | Datatype::Int64 | Datatype::Fp64 => 8,
    }
}

/// Refuses outputs that have more than `limit` bytes in memory.
pub(crate) fn check_outputs_size(outputs: &[Tensor], limit: u64) -> Result<(), Error> {
    check_response_size(
        outputs.iter().map(|output| output.data().byte_size() as u64).fold(0, u64::saturating_add),
        limit,
    )
}

/// Refuses a response of `got` bytes if that is more than `limit`.
pub(crate) fn check_response_size(got: u64, limit: u64) -> Result<(), Error> {
    if got > limit { Err(Error::Response(ResponseError::TooLarge { limit, got })) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_say_how_large_an_answer_will_be() {
        let spec = |name: &str, dims: &[Dim]| TensorSpec::new(name, Datatype::Fp32, dims.to_vec());
        let symbol = |name: &str| Dim::Symbol(name.to_owned());
        let manifest = Manifest {
            inputs: vec![spec("x", &[symbol("n"), symbol("")])],
            outputs: vec![
                spec("square", &[symbol("n"), symbol("n")]),
                spec("row", &[symbol("n"), Dim::Fixed(2)]),
                spec("unknown", &[symbol("m")]),
                TensorSpec { unranked: true, ..spec("any", &[]) },
            ],
            ..Manifest::bare()
        };
        let x = |n: usize| vec![Tensor::new("x", vec![n, 1], vec![0_f32; n]).expect("of its shape")];
        let refused = |n, wanted: &[&str], limit| {
            let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
            match check_expected_outputs(&manifest, &x(n), &wanted, limit) {
                Err(Error::Response(ResponseError::TooLarge { got, .. })) => Some(got),
                _ => None,
            }
        };
        assert_eq!(refused(100, &[], 40_000), Some(40_800));
        assert_eq!(refused(100, &["square"], 40_000), None);
        assert_eq!(refused(100, &["row"], 799), Some(800));
        assert_eq!(refused(100, &["unknown", "any"], 0), None);
        assert_eq!(refused(0, &[], 0), None);
    }
}
