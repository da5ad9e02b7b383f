//! Whether ONNX Runtime may see a network's files.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use super::elastic::is_elastic;
use super::element::Element;
use super::external::{External, text};
use super::proto::{Graph, Of, Type, ValueInfo};
use super::read::{Owner, each_tensor, read};
use super::{NetworkFiles, OnnxError, random};

/// Checks the files of a network: those of a publisher before anybody else sees them, and those out of the store before they are
/// run, for who signs a manifest may still have been given a bad network.
///
/// # Errors
/// [`OnnxError`] says what is wrong.
pub fn check(files: &NetworkFiles) -> Result<Checked, OnnxError> {
    let (mut model, mut graph) = read(&files.file)?;
    if graph.output.is_empty() {
        return Err(OnnxError::NoOutputs);
    }
    let (mut checked, inputs) = (Checked::default(), graph.input.iter().map(|value| ("input", value)));
    for (kind, value) in inputs.chain(graph.output.iter().map(|value| ("output", value))) {
        checked.unranked.extend(unranked(kind, value, &graph)?);
    }
    random::check(&model, &graph)?;
    checked.is_elastic = is_elastic(&model, &graph);
    each_tensor(&mut model, &mut graph, |owner, tensor| {
        let Some(found) = External::of(tensor)? else { return Ok(()) };
        let file = || found.file.to_string();
        if owner == Owner::Nested {
            return Err(OnnxError::Nested { tensor: found.name(), file: file() });
        }
        let bytes = files.external.get(found.file.as_str()).ok_or_else(|| OnnxError::Missing { file: file() })?;
        found.values(bytes).map(drop)
    })?;
    Ok(checked)
}

/// What is known of files that were checked, and that ONNX Runtime does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The inputs and outputs of which the file does not say how many dimensions they have.
    pub unranked: BTreeSet<String>,
    /// Whether the values of a call, and not its shapes alone, say how much there is to do.
    pub is_elastic: bool,
}

/// The name of `value`, where it is a tensor without a shape.
fn unranked(kind: &'static str, value: &Bytes, graph: &Graph) -> Result<Option<String>, OnnxError> {
    let value = ValueInfo::decode(value.clone()).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
    let name = text(value.name.as_deref());
    let zip_map = graph.node.iter().any(|node| {
        node.op_type.as_deref() == Some(b"ZipMap") && value.name.as_ref().is_some_and(|name| node.output.contains(name))
    });
    match value.r#type {
        Some(Type { tensor: Some(tensor), .. }) => {
            if tensor.elem_type.is_some_and(|number| !is_carried(number)) {
                let got = format!("a tensor of {}", Element::name(tensor.elem_type));
                return Err(OnnxError::Value { kind, name, got, zip_map });
            }
            Ok(tensor.shape.is_none().then_some(name))
        }
        Some(got) if got != Type::default() => Err(OnnxError::Value { kind, name, got: describe(&got), zip_map }),
        // ONNX Runtime finds out, and says so of an input.
        _ => Ok(Some(name)),
    }
}

/// Whether a datatype of `onnx.proto` has one in the protocol.
fn is_carried(number: i32) -> bool {
    const BFLOAT16: i32 = 16;
    matches!(number, 1..=13 | BFLOAT16)
}

/// A type, in words.
fn describe(of: &Type) -> String {
    let inner = |of: &Of| of.elem_type.as_deref().map_or_else(|| "something".to_owned(), describe);
    match of {
        Type { tensor: Some(tensor), .. } => format!("a tensor of {}", Element::name(tensor.elem_type)),
        Type { sequence: Some(sequence), .. } => format!("a sequence, each {}", inner(sequence)),
        Type { map: Some(map), .. } => {
            let value = map.value_type.as_deref().map_or_else(|| "something".to_owned(), describe);
            format!("a map from {} to {value}", Element::name(map.key_type))
        }
        Type { optional: Some(optional), .. } => format!("of an optional type, {} or nothing", inner(optional)),
        Type { sparse_tensor: Some(tensor), .. } => format!("a sparse tensor of {}", Element::name(tensor.elem_type)),
        _ => "of an opaque type".to_owned(),
    }
}
