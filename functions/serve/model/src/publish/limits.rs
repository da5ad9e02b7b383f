//! Checks a network's tensors against the limits of requests: a network that no call can reach is not published.

use amaas_wire::Datatype;
use amaas_wire::tensor::{MAX_NAME_LEN, MAX_RANK};

use super::PublishError;
use crate::task::DEFAULT_MAX_BODY_BYTES;
use amaas_engine::{Dim, TensorSpec};

/// Checks names, ranks and sizes of inputs and outputs against the limits of the protocol. Optional inputs are not checked,
/// because calls can leave them out.
///
/// # Errors
/// [`PublishError::Unreachable`] names the tensor and the limit.
pub(super) fn check_limits(inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Result<(), PublishError> {
    let inputs = inputs.iter().filter(|input| !input.optional).map(|spec| ("input", spec));
    for (kind, spec) in inputs.chain(outputs.iter().map(|spec| ("output", spec))) {
        if let Some(what) = out_of_bounds(spec) {
            let tensor = spec.name.chars().take(MAX_SHOWN_NAME).collect();
            return Err(PublishError::Unreachable { kind, tensor, what });
        }
    }
    Ok(())
}

/// The warning for a network whose smallest call exceeds the default body limit.
pub(super) fn body_limit_warning(inputs: &[TensorSpec]) -> Option<String> {
    let sizes =
        |input: &TensorSpec| -> Vec<u64> { input.shape.iter().filter_map(|dim| Some(dim.fixed()? as u64)).collect() };
    let bytes = |input: &TensorSpec| sizes(input).into_iter().fold(value_bytes(input.datatype), u64::saturating_mul);
    let call = inputs.iter().filter(|input| !input.optional).map(bytes).fold(0, u64::saturating_add);
    let most = DEFAULT_MAX_BODY_BYTES as u64;
    (call > most).then(|| {
        format!(
            "a call takes {call} bytes of values at the least, and functions take bodies of {most} unless AMAAS_MAX_BODY_BYTES says otherwise"
        )
    })
}

/// The minimum size of a value, in bytes.
fn value_bytes(datatype: Datatype) -> u64 {
    match datatype {
        Datatype::Bool | Datatype::Int8 | Datatype::Uint8 => 1,
        Datatype::Int16 | Datatype::Uint16 | Datatype::Fp16 | Datatype::Bf16 => 2,
        Datatype::Int32 | Datatype::Uint32 | Datatype::Fp32 | Datatype::Bytes => 4,
        Datatype::Int64 | Datatype::Uint64 | Datatype::Fp64 => 8,
    }
}

/// The limit that `spec` exceeds.
fn out_of_bounds(spec: &TensorSpec) -> Option<String> {
    let (name, rank) = (spec.name.len(), spec.shape.len());
    if name > MAX_NAME_LEN {
        return Some(format!("its name has {name} bytes, of at most {MAX_NAME_LEN}"));
    }
    if rank > MAX_RANK {
        return Some(format!("it has {rank} dimensions, of at most {MAX_RANK}"));
    }
    let sizes = spec.shape.iter().filter_map(Dim::fixed).filter(|size| *size > 0);
    let bytes =
        sizes.into_iter().try_fold(1_usize, usize::checked_mul).and_then(|count| count.checked_mul(MAX_VALUE_BYTES));
    bytes.is_none().then(|| format!("it has more values than there are addresses: {:?}", spec.metadata().shape))
}

/// The characters of a name that an error shows.
const MAX_SHOWN_NAME: usize = 64;
/// The largest size of a value, in bytes.
const MAX_VALUE_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use amaas_wire::Tensor;

    use super::*;

    #[test]
    fn a_call_that_no_function_takes_by_default_is_told_of() {
        let of = |size| TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol("n".to_owned()), Dim::Fixed(size)]);
        assert_eq!(body_limit_warning(&[of(4 << 20)]), None);
        let told = body_limit_warning(&[of((4 << 20) - 1), of(2)]).expect("it is larger");
        assert!(
            told.starts_with("a call takes 16777220 bytes of values at the least")
                && told.contains("AMAAS_MAX_BODY_BYTES"),
            "{told}"
        );
        let optional = TensorSpec { optional: true, ..of(usize::MAX) };
        assert_eq!(body_limit_warning(&[of(1), optional]), None);
        assert!(body_limit_warning(&[of(usize::MAX), of(usize::MAX)]).is_some());
    }

    #[test]
    fn what_is_taken_is_what_a_message_carries() {
        let one = |count| vec![Dim::Fixed(1); count];
        for (name, shape, expected) in [
            ("n".repeat(256), one(16), None),
            ("n".repeat(257), one(1), Some("its name has 257 bytes, of at most 256")),
            ("x".to_owned(), one(17), Some("it has 17 dimensions, of at most 16")),
            ("x".to_owned(), vec![Dim::Fixed(1 << 40); 2], Some("it has more values than there are addresses")),
            ("x".to_owned(), vec![Dim::Fixed(1 << 40), Dim::Fixed(0)], None),
        ] {
            let spec = TensorSpec::new(name.as_str(), Datatype::Fp32, shape.clone());
            let told = check_limits(std::slice::from_ref(&spec), &[]).err().map(|error| error.to_string());
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()), "{expected:?}");
            assert_eq!(check_limits(&[], std::slice::from_ref(&spec)).is_err(), expected.is_some());
            let optional = TensorSpec { optional: true, ..spec };
            assert!(check_limits(&[optional], &[]).is_ok());
            // The protocol's decoder has the same limits.
            let dims: Vec<_> = shape.iter().filter_map(Dim::fixed).collect();
            if let Some(count @ ..=1) = dims.iter().try_fold(1_usize, |count, size| count.checked_mul(*size)) {
                let read = amaas_wire::tensor::parse_header(name.clone(), "FP32", &[])
                    .and_then(|_| Tensor::new(name, dims, vec![0.0_f32; count]));
                assert_eq!(read.is_err(), expected.is_some());
            }
        }
    }
}
