//! Removes the operator `ZipMap` (`ai.onnx.ml`), with which converters of scikit-learn, `LightGBM` and `XGBoost` end a classifier.
//!
//! It makes a sequence of maps, from class label to score, of a matrix of scores. No protocol here has maps, so the output becomes
//! the matrix itself under the same name, and the labels of its columns become metadata of the file
//! ([`CLASS_LABELS`](super::class_labels::CLASS_LABELS)).

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::class_labels::{ClassLabels, NetworkLabels};
use super::external::text;
use super::proto::{Dimension, Graph, Model, Node, OperatorSet, Shape, TensorType, Type, ValueInfo};

/// Replaces each output that a `ZipMap` makes. Returns whether there were any.
///
/// # Errors
/// [`OnnxError::ZipMap`] if a node has no class labels, or its sequence is not just an output.
pub(super) fn remove(model: &mut Model, graph: &mut Graph) -> Result<bool, OnnxError> {
    let rows = rows_dimension(graph);
    let mut labels = NetworkLabels::declared(model)?;
    let mut removed = Vec::new();
    for output in 0..graph.output.len() {
        let value = ValueInfo::decode(graph.output[output].clone()).map_err(|error| not_onnx(&error))?;
        let name = value.name.unwrap_or_default();
        let Some(place) = graph.node.iter().position(|node| is_zip_map(node) && node.output.contains(&name)) else {
            continue;
        };
        let refused = |what: String| OnnxError::ZipMap { output: text(Some(&name)), what };
        if let Some(reader) = graph.node.iter().find(|node| reads(node, &name)) {
            return Err(refused(format!("the operator {:?} takes it too", text(reader.op_type.as_deref()))));
        }
        let node = &graph.node[place];
        let [scores] = &node.input[..] else {
            return Err(refused(format!("expected one input, got {}", node.input.len())));
        };
        let of_node = ClassLabels::of_attributes(node).map_err(refused)?;
        let classes = i64::try_from(of_node.len()).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
        graph.output[output] = matrix(&name, &rows, classes);
        graph.node[place] = identity(node, scores, &name);
        labels.insert(String::from_utf8_lossy(&name).into_owned(), of_node);
        removed.push(name);
    }
    if removed.is_empty() {
        return Ok(false);
    }
    require_identity(model);
    labels.declare(model)?;
    Ok(true)
}

fn is_zip_map(node: &Node) -> bool {
    node.op_type.as_deref() == Some(b"ZipMap") && node.domain.as_deref() == Some(b"ai.onnx.ml")
}

/// Whether `node`, or a subgraph of it, takes the value `name`.
fn reads(node: &Node, name: &Bytes) -> bool {
    let graphs = node.attribute.iter().flat_map(|own| own.g.as_deref().into_iter().chain(&own.graphs));
    node.input.contains(name)
        || graphs.into_iter().any(|graph| {
            let returned = graph.output.iter().filter_map(|value| ValueInfo::decode(value.clone()).ok()?.name);
            graph.node.iter().any(|node| reads(node, name)) || returned.into_iter().any(|returned| returned == *name)
        })
}

/// `Identity`, in the place of `zip_map`, so that the scores keep the output's name whatever else reads them.
fn identity(zip_map: &Node, scores: &Bytes, output: &Bytes) -> Node {
    Node {
        input: vec![scores.clone()],
        output: vec![output.clone()],
        name: zip_map.name.clone(),
        op_type: Some(Bytes::from_static(b"Identity")),
        ..Node::default()
    }
}

/// The declaration of a FLOAT output `[rows, classes]`.
fn matrix(name: &Bytes, rows: &Dimension, classes: i64) -> Bytes {
    let shape = Shape { dim: vec![rows.clone(), Dimension { value: Some(classes), param: None }] };
    let tensor = TensorType { elem_type: Some(FLOAT), shape: Some(shape.encode_to_vec().into()) };
    let r#type = Some(Type { tensor: Some(tensor), ..Type::default() });
    ValueInfo { name: Some(name.clone()), r#type }.encode_to_vec().into()
}

/// The first dimension of the first input, which counts the rows of a table; of any size if that is not known.
fn rows_dimension(graph: &Graph) -> Dimension {
    let first = graph.input.first().and_then(|input| ValueInfo::decode(input.clone()).ok()?.r#type?.tensor?.shape);
    let shape = first.and_then(|shape| Shape::decode(shape).ok());
    shape.and_then(|shape| shape.dim.into_iter().next()).unwrap_or_default()
}

/// Imports ONNX's own operators, which the file of a lone classifier may lack.
fn require_identity(model: &mut Model) {
    let is_own = |set: &Bytes| {
        let domain = OperatorSet::decode(set.clone()).ok().map(|set| set.domain.unwrap_or_default());
        domain.is_some_and(|domain| matches!(&domain[..], b"" | b"ai.onnx"))
    };
    if !model.opset_import.iter().any(is_own) {
        let set = OperatorSet { domain: None, version: Some(OPERATOR_SET) };
        model.opset_import.push(set.encode_to_vec().into());
    }
}

fn not_onnx(error: &prost::DecodeError) -> OnnxError {
    OnnxError::NotOnnx(error.to_string())
}

/// `TensorProto.DataType`.
const FLOAT: i32 = 1;
/// `Identity` is in every operator set. ONNX Runtime supports those from 7.
const OPERATOR_SET: i64 = 9;

#[cfg(test)]
mod tests {
    use super::super::proto::{Attribute, Entry};
    use super::super::{CLASS_LABELS, NetworkFiles, PROBABILITIES, adapt, describe, metadata};
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn node(operator: &str, domain: &str, inputs: &[&str], outputs: &[&str]) -> Node {
        let names = |names: &[&str]| names.iter().map(|name| bytes(name)).collect();
        let (op_type, domain) = (Some(bytes(operator)), Some(bytes(domain)));
        Node { input: names(inputs), output: names(outputs), op_type, domain, ..Node::default() }
    }

    fn labelled(node: Node, strings: &[&str], integers: &[i64]) -> Node {
        let strings = strings.iter().map(|label| bytes(label)).collect::<Vec<_>>();
        let of = |name: &str| Attribute { name: Some(bytes(name)), ..Attribute::default() };
        let strings = (!strings.is_empty()).then(|| Attribute { strings, ..of("classlabels_strings") });
        let integers =
            (!integers.is_empty()).then(|| Attribute { ints: integers.to_vec(), ..of("classlabels_int64s") });
        Node { attribute: strings.into_iter().chain(integers).collect(), ..node }
    }

    fn zip_map(input: &str, output: &str) -> Node {
        node("ZipMap", "ai.onnx.ml", &[input], &[output])
    }

    fn value(name: &str, element: i32, dims: &[Option<&str>]) -> Bytes {
        let dim = |dim: Option<&str>| Dimension { value: dim.is_none().then_some(3), param: dim.map(bytes) };
        let shape = Shape { dim: dims.iter().copied().map(dim).collect() };
        let tensor = TensorType { elem_type: Some(element), shape: Some(shape.encode_to_vec().into()) };
        let r#type = Some(Type { tensor: Some(tensor), ..Type::default() });
        ValueInfo { name: Some(bytes(name)), r#type }.encode_to_vec().into()
    }

    /// A classifier, whose scores `s` these nodes read.
    fn file(nodes: Vec<Node>, outputs: &[&str]) -> NetworkFiles {
        let classifier = node("TreeEnsembleClassifier", "ai.onnx.ml", &["x"], &["label", "s"]);
        let classifier = labelled(classifier, &["a", "b", "c"], &[]);
        let sequence =
            |name: &&str| ValueInfo { name: Some(bytes(name)), r#type: Some(Type::default()) }.encode_to_vec().into();
        let graph = Graph {
            node: std::iter::once(classifier).chain(nodes).collect(),
            input: vec![value("x", FLOAT, &[Some("rows"), None])],
            output: std::iter::once(value("label", 8, &[Some("rows")])).chain(outputs.iter().map(sequence)).collect(),
            ..Graph::default()
        };
        let set = OperatorSet { domain: Some(bytes("ai.onnx.ml")), version: Some(1) };
        let model = Model { graph: Some(graph), opset_import: vec![set.encode_to_vec().into()], ..Model::default() };
        model.encode_to_vec().into()
    }

    #[test]
    fn maps_become_matrices_and_their_labels_metadata() {
        let nodes =
            vec![labelled(zip_map("s", "p"), &["no", "yes", "é"], &[]), labelled(zip_map("s", "q"), &[], &[3, -1, 4])];
        let adapted = adapt(file(nodes, &["p", "q"])).expect("both are removed");
        let described = describe(&adapted).expect("an ONNX file");
        let shapes: Vec<_> = described.outputs[1..].iter().map(|output| (&*output.name, &*output.datatype)).collect();
        assert_eq!(shapes, [("p", "FP32"), ("q", "FP32")]);
        let dims = described.outputs[1].shape.clone().expect("a shape");
        assert_eq!((dims[0].symbol(), dims[1].fixed()), (Some("rows"), Some(3)));
        assert_eq!(described.operator_sets["ai.onnx"], OPERATOR_SET, "Identity has to be imported");
        let metadata_of = metadata(&adapted).expect("an ONNX file");
        assert_eq!(metadata_of[CLASS_LABELS], r#"{"p":["no","yes","é"],"q":[3,-1,4]}"#);
        // Adapting again changes nothing.
        assert_eq!(adapt(adapted.clone()).expect("served"), adapted);
    }

    #[test]
    fn a_network_without_zip_map_keeps_its_bytes_and_tells_its_labels() {
        let given = file(vec![node("Softmax", "", &["s"], &["p"])], &["p"]);
        let adapted = adapt(given.clone()).expect("served");
        assert_eq!(adapted, given);
        let metadata_of = metadata(&adapted).expect("an ONNX file");
        assert_eq!(metadata_of[CLASS_LABELS], r#"{"p":["a","b","c"]}"#);
        assert_eq!(metadata_of[PROBABILITIES], r#"["p"]"#);
    }

    #[test]
    fn other_properties_stay() {
        let with = |key: &str, value: &str| -> Bytes {
            Entry { key: Some(bytes(key)), value: Some(bytes(value)) }.encode_to_vec().into()
        };
        let given = file(vec![labelled(zip_map("s", "p"), &["no", "yes", "é"], &[])], &["p"]);
        let mut model = Model::decode(given.file).expect("written here");
        model.metadata_props = (0..70).map(|number| with(&format!("m{number}"), "v")).collect();
        model.metadata_props.push(with(CLASS_LABELS, r#"{"r":[1]}"#));
        let adapted = adapt(model.encode_to_vec().into()).expect("removed");
        let metadata_of = metadata(&adapted).expect("an ONNX file");
        assert_eq!(metadata_of[CLASS_LABELS], r#"{"p":["no","yes","é"],"r":[1]}"#);
        assert_eq!(metadata_of["m62"], "v");
    }

    #[test]
    fn what_cannot_be_removed_is_named() {
        let huge = "x".repeat(70_000);
        let advice = "convert the model with options={'zipmap': False}";
        for (nodes, expected) in [
            (vec![zip_map("s", "p")], "that makes output \"p\" cannot be removed: it has no class labels; "),
            (vec![labelled(zip_map("s", "p"), &["a"], &[1])], "it has class labels of two types"),
            (
                vec![labelled(zip_map("s", "p"), &["a"], &[]), node("SequenceAt", "", &["p", "i"], &["one"])],
                "the operator \"SequenceAt\" takes it too",
            ),
            (vec![labelled(node("ZipMap", "ai.onnx.ml", &[], &["p"]), &["a"], &[])], "expected one input, got 0"),
            (vec![labelled(zip_map("s", "p"), &[&huge], &[])], "take 70028 bytes as JSON, expected at most 65536"),
        ] {
            let error = adapt(file(nodes, &["p"])).expect_err(expected).to_string();
            assert!(error.contains(expected) && error.contains(advice), "{expected}: {error}");
        }
    }
}
