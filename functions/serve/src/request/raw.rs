//! Raw binary requests: the body is the data of one tensor.
//!
//! Source: `extension_binary_data.md` of Triton, "Raw Binary Request". The header says that the body has no JSON, so datatype and shape come
//! from the model. The model must have one required input, and at most one dimension of unknown size, which follows from the number of
//! bytes.

use amaas_wire::{Datatype, Tensor};
use bytes::Bytes;

use amaas_engine::Dim;
use amaas_model::InputError;
use amaas_model::manifest::Manifest;

/// Decodes `body` as the one input of the network in `manifest`.
pub(crate) fn decode_raw_tensor(manifest: &Manifest, body: Bytes) -> Result<Tensor, InputError> {
    let invalid = |text: String| InputError::Invalid(format!("a body without JSON (header length 0): {text}"));
    let required: Vec<_> = manifest.inputs.iter().filter(|input| !input.optional).collect();
    let (input, count) = match (required.as_slice(), manifest.inputs.as_slice()) {
        ([input], _) => (Some(*input), 1),
        ([], [input]) => (Some(input), 1),
        ([], all) => (None, all.len()),
        (several, _) => (None, several.len()),
    };
    let input = input.ok_or_else(|| invalid(format!("expected a model with one input, this one has {count}")))?;
    if input.unranked {
        return Err(invalid(format!("input {:?} has any number of dimensions; say its shape", input.name)));
    }
    let mut open: Vec<_> = (0..input.shape.len()).filter(|axis| input.shape[*axis].fixed().is_none()).collect();
    // If two sizes are unknown and one is the batch, the body is one row.
    if open.len() == 2 && open[0] == 0 && manifest.batching.has_rows() {
        open.remove(0);
    }
    if open.len() > 1 {
        let (name, count) = (&input.name, open.len());
        return Err(invalid(format!(
            "input {name:?} has {count} dimensions of any size, expected 1 at most; say its shape"
        )));
    }
    let mut shape: Vec<_> = input.shape.iter().map(|dim| Dim::fixed(dim).unwrap_or(1)).collect();
    let tensor = match input.datatype.width() {
        None => decode_text(&input.name, shape, &body),
        Some(width) => {
            if let [axis] = open[..] {
                shape[axis] = unknown_dimension(&shape, width, body.len());
            }
            Tensor::from_bytes(input.name.clone(), input.datatype, shape, body)
        }
    };
    tensor.map_err(|error| invalid(error.to_string()))
}

/// Decodes the body as one element of BYTES, without a length prefix.
fn decode_text(name: &str, shape: Vec<usize>, body: &[u8]) -> Result<Tensor, amaas_wire::TensorError> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let element = [&length[..], body].concat().into();
    let (_, _, data) = Tensor::from_bytes(name.to_owned(), Datatype::Bytes, vec![1], element)?.into_parts();
    Tensor::new(name, shape, data)
}

/// The size of the unknown dimension, rounded up. If it was rounded, the number of bytes is wrong and the tensor is refused.
fn unknown_dimension(shape: &[usize], width: usize, bytes: usize) -> usize {
    let one = shape.iter().try_fold(width, |product, dim| product.checked_mul(*dim)).unwrap_or(usize::MAX);
    if one == 0 { 0 } else { bytes.div_ceil(one) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_engine::Batching;
    use amaas_engine::TensorSpec;

    fn manifest(datatype: Datatype, shape: &[Option<usize>], batching: Batching) -> Manifest {
        let dim = |(axis, size): (usize, &Option<usize>)| size.map_or(Dim::Symbol(format!("d{axis}")), Dim::Fixed);
        let inputs = vec![TensorSpec::new("x", datatype, shape.iter().enumerate().map(dim).collect())];
        Manifest { inputs, batching, ..Manifest::bare() }
    }

    #[test]
    fn the_shape_follows_from_the_bytes() {
        use Batching::{None as Alone, Rows};
        use Datatype::{Bytes, Int16};
        for (datatype, shape, batching, bytes, expected) in [
            (Int16, &[Some(2), Some(3)][..], Alone, 12, &[2, 3][..]),
            (Int16, &[], Alone, 2, &[]),
            (Int16, &[None, Some(3)], Rows, 12, &[2, 3]),
            (Int16, &[Some(2), None], Alone, 12, &[2, 3]),
            (Int16, &[None, None], Rows, 12, &[1, 6]),
            (Int16, &[None, Some(3)], Rows, 0, &[0, 3]),
            (Bytes, &[None], Alone, 12, &[1]),
            (Bytes, &[None, None], Rows, 0, &[1, 1]),
        ] {
            let tensor =
                decode_raw_tensor(&manifest(datatype, shape, batching), vec![b'a'; bytes].into()).expect("a tensor");
            assert_eq!(tensor.shape(), expected, "{datatype} {shape:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        for (datatype, shape, bytes, expected) in [
            (
                Datatype::Int16,
                &[Some(2)][..],
                5,
                "tensor \"x\": shape [2] of INT16 needs 4 bytes of binary data, got 5",
            ),
            (Datatype::Int16, &[None, Some(2)], 5, "shape [2, 2] of INT16 needs 8 bytes of binary data, got 5"),
            (Datatype::Int16, &[None, Some(0)], 5, "needs 0 bytes of binary data, got 5"),
            (Datatype::Int16, &[None, Some(usize::MAX)], 5, "needs 18446744073709551615 bytes of binary data, got 5"),
            (Datatype::Int16, &[None, None], 4, "input \"x\" has 2 dimensions of any size, expected 1 at most"),
            (Datatype::Bytes, &[Some(2)], 4, "shape [2] needs 2 values, got 1"),
        ] {
            let error = decode_raw_tensor(&manifest(datatype, shape, Batching::None), vec![b'a'; bytes].into())
                .expect_err(expected);
            assert!(error.to_string().contains(expected), "{expected}: {error}");
        }
        let mut two = manifest(Datatype::Int16, &[], Batching::None);
        two.inputs.push(two.inputs[0].clone());
        assert!(
            decode_raw_tensor(&two, Bytes::new())
                .expect_err("two inputs")
                .to_string()
                .contains("one input, this one has 2")
        );
        two.inputs[0].optional = true;
        assert!(decode_raw_tensor(&two, vec![0, 0].into()).is_ok(), "one input is required");
        two.inputs[1].optional = true;
        assert!(
            decode_raw_tensor(&two, Bytes::new())
                .expect_err("either")
                .to_string()
                .contains("one input, this one has 2")
        );
        two.inputs.truncate(1);
        assert!(decode_raw_tensor(&two, vec![0, 0].into()).is_ok(), "there is only one input");
        two.inputs.clear();
        assert!(
            decode_raw_tensor(&two, Bytes::new()).expect_err("none").to_string().contains("one input, this one has 0")
        );
        let text = manifest(Datatype::Bytes, &[Some(1)], Batching::None);
        assert!(
            decode_raw_tensor(&text, vec![255].into())
                .expect_err("no text")
                .to_string()
                .contains("expected UTF-8 text")
        );
    }
}
