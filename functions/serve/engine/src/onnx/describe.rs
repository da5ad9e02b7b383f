//! Describes an ONNX file, without ONNX Runtime: its tensors, operator sets and metadata.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;
use serde::Serialize;

use super::class_labels;
use super::element_type::ElementType;
use super::external::text;
use super::proto::{Dimension, Entry, OperatorSet, Shape, Tensor, Type, ValueInfo};
use super::read::read;
use super::{NetworkFiles, OnnxError};
use crate::tensor_spec::Dim;

/// The inputs, outputs and operator sets of an ONNX file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NetworkDescription {
    /// Inputs.
    pub inputs: Vec<DescribedTensor>,
    /// Outputs.
    pub outputs: Vec<DescribedTensor>,
    /// Operator set versions by domain; ONNX's own domain is `ai.onnx`.
    pub operator_sets: BTreeMap<String, i64>,
}

/// An input or output of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DescribedTensor {
    /// The tensor's name.
    pub name: String,
    /// The protocol's name of the datatype, or ONNX's name if the protocol has none.
    pub datatype: String,
    /// The dimensions; `None` if their number is unknown.
    pub shape: Option<Vec<Dim>>,
    /// For an input: whether a call may omit it.
    pub optional: bool,
}

/// Describes the ONNX file in `files`.
///
/// # Errors
/// [`OnnxError::NotOnnx`] if it is not an ONNX file.
pub fn describe(files: &NetworkFiles) -> Result<NetworkDescription, OnnxError> {
    let (model, graph) = read(&files.file)?;
    let name =
        |tensor: &Bytes| Ok(text(Tensor::decode(tensor.clone()).map_err(|error| not_onnx(&error))?.name.as_deref()));
    let known = graph.initializer.iter().map(name).collect::<Result<BTreeSet<_>, OnnxError>>()?;
    // Old IR versions list constants as inputs, which clients cannot send.
    let constants = model.ir_version.unwrap_or_default() < FIRST_WITH_DEFAULTS;
    let inputs = graph.input.iter().map(|value| describe_tensor(value, &known)).collect::<Result<Vec<_>, _>>()?;
    let inputs = inputs.into_iter().filter(|input| !(constants && input.optional)).collect();
    let none = BTreeSet::new();
    let outputs = graph.output.iter().map(|value| describe_tensor(value, &none)).collect::<Result<_, _>>()?;
    let set = |bytes: &Bytes| {
        let set = OperatorSet::decode(bytes.clone()).map_err(|error| not_onnx(&error))?;
        let domain = text(set.domain.as_deref());
        Ok((if domain.is_empty() { "ai.onnx".to_owned() } else { domain }, set.version.unwrap_or_default()))
    };
    let operator_sets = model.opset_import.iter().map(set).collect::<Result<_, OnnxError>>()?;
    Ok(NetworkDescription { inputs, outputs, operator_sets })
}

/// The metadata of the file in `files` (`metadata_props`), without entries larger than 64 KiB; and what its graph says of a
/// classifier's scores: [`CLASS_LABELS`](super::CLASS_LABELS), unless the file has it, and [`PROBABILITIES`](super::PROBABILITIES).
///
/// # Errors
/// [`OnnxError::NotOnnx`] if it is not an ONNX file.
pub fn metadata(files: &NetworkFiles) -> Result<BTreeMap<String, String>, OnnxError> {
    let (model, graph) = read(&files.file)?;
    let entry = |bytes: &Bytes| Entry::decode(bytes.clone()).map_err(|error| not_onnx(&error));
    let entries = model.metadata_props.iter().map(entry).collect::<Result<Vec<_>, OnnxError>>()?;
    let whole = |text: Option<Bytes>| String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    let entries = entries.into_iter().map(|entry| (whole(entry.key), whole(entry.value)));
    let is_small = |(key, value): &(String, String)| key.len() + value.len() <= MAX_METADATA_VALUE;
    let mut metadata: BTreeMap<_, _> = entries.filter(is_small).take(MAX_METADATA_ENTRIES).collect();
    for (key, value) in class_labels::derived(&graph).into_iter().filter(is_small) {
        metadata.entry(key).or_insert(value);
    }
    Ok(metadata)
}

/// Bytes of a metadata entry that a manifest holds at most, and the number of entries.
pub(super) const MAX_METADATA_VALUE: usize = 64 << 10;
const MAX_METADATA_ENTRIES: usize = 64;

fn describe_tensor(value: &Bytes, known: &BTreeSet<String>) -> Result<DescribedTensor, OnnxError> {
    let value = ValueInfo::decode(value.clone()).map_err(|error| not_onnx(&error))?;
    let name = text(value.name.as_deref());
    let optional = known.contains(&name);
    let (datatype, shape) = match value.r#type {
        Some(Type { tensor: Some(tensor), .. }) => {
            let shape = tensor.shape.map(|shape| Shape::decode(shape).map_err(|error| not_onnx(&error))).transpose()?;
            (datatype(tensor.elem_type), shape.map(|shape| shape.dim.into_iter().map(Dimension::dim).collect()))
        }
        _ => ("none that is a tensor".to_owned(), None),
    };
    Ok(DescribedTensor { name, datatype, shape, optional })
}

/// The protocol's name of an ONNX datatype number.
fn datatype(number: Option<i32>) -> String {
    let name = match number {
        Some(1) => "FP32",
        Some(8) => "BYTES",
        Some(10) => "FP16",
        Some(11) => "FP64",
        Some(16) => "BF16",
        number => return ElementType::name(number),
    };
    name.to_owned()
}

fn not_onnx(error: &prost::DecodeError) -> OnnxError {
    OnnxError::NotOnnx(error.to_string())
}

impl Dimension {
    fn dim(self) -> Dim {
        let size = self.value.and_then(|size| usize::try_from(size).ok());
        size.map_or_else(|| Dim::Symbol(text(self.param.as_deref())), Dim::Fixed)
    }
}

/// The first IR version whose initializers need not be inputs.
const FIRST_WITH_DEFAULTS: i64 = 4;

#[cfg(test)]
mod tests {
    use super::super::proto::{Graph, Model, TensorType};
    use super::*;

    fn value(name: &'static str, element: i32, shape: Option<Shape>) -> Bytes {
        let tensor = TensorType { elem_type: Some(element), shape: shape.map(|shape| shape.encode_to_vec().into()) };
        let r#type = Some(Type { tensor: Some(tensor), ..Type::default() });
        ValueInfo { name: Some(name.into()), r#type }.encode_to_vec().into()
    }

    fn shape() -> Shape {
        let (named, fixed) =
            (Dimension { value: None, param: Some("n".into()) }, Dimension { value: Some(4), param: None });
        Shape { dim: vec![named, fixed, Dimension::default()] }
    }

    #[test]
    fn tensors_and_operator_sets_are_told_as_the_file_has_them() {
        let describe_tensor = |version| {
            let initializer = vec![Tensor { name: Some("w".into()), ..Tensor::default() }.encode_to_vec().into()];
            let input = vec![value("x", 1, Some(shape())), value("w", 10, None), value("t", 7, Some(shape()))];
            let graph = Graph { initializer, input, output: vec![value("y", 17, None)], ..Graph::default() };
            let set =
                |domain: Option<Bytes>, version| OperatorSet { domain, version: Some(version) }.encode_to_vec().into();
            let opset_import = vec![set(None, 17), set(Some("com.microsoft".into()), 1)];
            let model = Model { ir_version: Some(version), graph: Some(graph), opset_import, ..Model::default() };
            describe(&NetworkFiles::from(model.encode_to_vec())).expect("an ONNX file")
        };
        let tensor = |name: &str, datatype: &str, shaped, optional| {
            let dims = vec![Dim::Symbol("n".to_owned()), Dim::Fixed(4), Dim::Symbol(String::new())];
            let (name, datatype) = (name.to_owned(), datatype.to_owned());
            DescribedTensor { name, datatype, shape: if shaped { Some(dims) } else { None }, optional }
        };
        let [x, w, t] =
            [tensor("x", "FP32", true, false), tensor("w", "FP16", false, true), tensor("t", "INT64", true, false)];
        let new = describe_tensor(8);
        assert_eq!(new.inputs, [x.clone(), w, t.clone()]);
        assert_eq!(new.outputs, [tensor("y", "FLOAT8E4M3FN", false, false)]);
        assert_eq!(new.operator_sets, [("ai.onnx".to_owned(), 17), ("com.microsoft".to_owned(), 1)].into());
        assert_eq!(describe_tensor(3).inputs, [x, t], "constants of old files are no inputs");
        assert!(describe(&NetworkFiles::from(&b"no"[..])).is_err());
    }

    #[test]
    fn metadata_is_whole_up_to_its_bound() {
        let entry = |key: &str, size| {
            let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::from(vec![b'a'; size]));
            Entry { key: Some(key), value: Some(value) }.encode_to_vec().into()
        };
        let metadata_props = vec![entry("character", 60_000), entry("large", MAX_METADATA_VALUE)];
        let model = Model { graph: Some(Graph::default()), metadata_props, ..Model::default() };
        let metadata = metadata(&NetworkFiles::from(model.encode_to_vec())).expect("an ONNX file");
        let sizes: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value.len())).collect();
        assert_eq!(sizes, [("character", 60_000)]);
    }
}
