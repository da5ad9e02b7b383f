//! Checks a network's files before ONNX Runtime reads them.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use super::element_type::ElementType;
use super::external::{ExternalTensor, text};
use super::proto::{Of, Type, ValueInfo};
use super::read::{TensorOwner, each_tensor, read};
use super::value_dependent_cost::has_value_dependent_cost;
use super::{NetworkFiles, OnnxError, random};

/// Checks the files of a network, before publishing and again before a session is created: a publisher who signs a
/// manifest may have received a bad network.
///
/// # Errors
/// [`OnnxError`] says why the files are refused.
pub fn check(files: &NetworkFiles) -> Result<CheckedNetwork, OnnxError> {
    let (mut model, mut graph) = read(&files.file)?;
    if graph.output.is_empty() {
        return Err(OnnxError::NoOutputs);
    }
    let (mut checked, inputs) = (CheckedNetwork::default(), graph.input.iter().map(|value| ("input", value)));
    for (kind, value) in inputs.chain(graph.output.iter().map(|value| ("output", value))) {
        checked.unranked.extend(unranked(kind, value)?);
    }
    random::check(&model, &graph)?;
    checked.has_value_dependent_cost = has_value_dependent_cost(&model, &graph);
    each_tensor(&mut model, &mut graph, |owner, tensor| {
        let Some(found) = ExternalTensor::of(tensor)? else { return Ok(()) };
        let file = || found.file.to_string();
        if owner == TensorOwner::Nested {
            return Err(OnnxError::Nested { tensor: found.name(), file: file() });
        }
        let bytes = files.external.get(found.file.as_str()).ok_or_else(|| OnnxError::Missing { file: file() })?;
        found.values(bytes).map(drop)
    })?;
    Ok(checked)
}

/// Facts about checked files that ONNX Runtime does not report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedNetwork {
    /// Inputs and outputs with an unknown number of dimensions.
    pub unranked: BTreeSet<String>,
    /// Whether the cost of a run depends on values, and not on shapes alone.
    pub has_value_dependent_cost: bool,
}

/// The name of `value`, if it is a tensor without a shape.
fn unranked(kind: &'static str, value: &Bytes) -> Result<Option<String>, OnnxError> {
    let value = ValueInfo::decode(value.clone()).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
    let name = text(value.name.as_deref());
    match value.r#type {
        Some(Type { tensor: Some(tensor), .. }) => {
            if tensor.elem_type.is_some_and(|number| !is_supported(number)) {
                let got = format!("a tensor of {}", ElementType::name(tensor.elem_type));
                return Err(OnnxError::Value { kind, name, got, advice: None });
            }
            Ok(tensor.shape.is_none().then_some(name))
        }
        Some(got) if got != Type::default() => {
            Err(OnnxError::Value { kind, name, got: describe(&got), advice: advice(kind, &got) })
        }
        // ONNX Runtime infers the type, and refuses an input without one.
        _ => Ok(Some(name)),
    }
}

/// Whether the protocol has this datatype of `onnx.proto`.
fn is_supported(number: i32) -> bool {
    const BFLOAT16: i32 = 16;
    matches!(number, 1..=13 | BFLOAT16)
}

/// What a publisher can do about a value that is not a tensor.
fn advice(kind: &str, got: &Type) -> Option<&'static str> {
    let element = got.sequence.as_ref().and_then(|sequence| sequence.elem_type.as_deref());
    Some(match (kind, got) {
        (_, Type { map: Some(_), .. }) => MAP_ADVICE,
        (_, Type { sequence: Some(_), .. }) if element.is_some_and(|element| element.map.is_some()) => MAP_ADVICE,
        ("input", Type { sequence: Some(_), .. }) => {
            "Export the network with one tensor for each element, or with one tensor that SplitToSequence splits"
        }
        (_, Type { sequence: Some(_), .. }) => {
            "Export the network with a tensor in its place: ConcatFromSequence joins the elements, SequenceAt takes one"
        }
        (_, Type { optional: Some(_), .. }) => "Export the network with the tensor itself; an input may have a default",
        _ => return None,
    })
}

/// A description of a type for the publisher.
fn describe(of: &Type) -> String {
    let inner = |of: &Of| of.elem_type.as_deref().map_or_else(|| "something".to_owned(), describe);
    match of {
        Type { tensor: Some(tensor), .. } => format!("a tensor of {}", ElementType::name(tensor.elem_type)),
        Type { sequence: Some(sequence), .. } => format!("a sequence, each {}", inner(sequence)),
        Type { map: Some(map), .. } => {
            let value = map.value_type.as_deref().map_or_else(|| "something".to_owned(), describe);
            format!("a map from {} to {value}", ElementType::name(map.key_type))
        }
        Type { optional: Some(optional), .. } => format!("of an optional type, {} or nothing", inner(optional)),
        Type { sparse_tensor: Some(tensor), .. } => {
            format!("a sparse tensor of {}", ElementType::name(tensor.elem_type))
        }
        _ => "of an opaque type".to_owned(),
    }
}

const MAP_ADVICE: &str = "Export the network with the values as a tensor; converters of scikit-learn, LightGBM and XGBoost do with \
    options={'zipmap': False}, and a ZipMap at the end of a network is removed when it is published";
