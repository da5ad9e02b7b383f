//! Decodes ONNX files, and visits all their tensors.

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::proto::{Attribute, Graph, Model, Node, SparseTensor};
use super::sniff::sniff;

/// Decodes an ONNX file and its main graph.
pub(super) fn read(file: &Bytes) -> Result<(Model, Graph), OnnxError> {
    if file.get(4..8) == Some(ORT_IDENTIFIER) {
        return Err(OnnxError::OrtForm);
    }
    let none = |error: String| OnnxError::NotOnnx(sniff(file).unwrap_or(error));
    let mut model = Model::decode(file.clone()).map_err(|error| none(error.to_string()))?;
    let graph = model.graph.take().ok_or_else(|| none("there is no graph in it".to_owned()))?;
    Ok((model, graph))
}

/// The owner of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TensorOwner {
    /// An initializer of the main graph.
    Main,
    /// A subgraph, an attribute or a function.
    Nested,
}

/// Calls `visit` with the bytes of every tensor, which it may replace. [`proto`](super::proto) bounds the depth of the
/// file.
pub(super) fn each_tensor(
    model: &mut Model,
    graph: &mut Graph,
    mut visit: impl FnMut(TensorOwner, &mut Bytes) -> Result<(), OnnxError>,
) -> Result<(), OnnxError> {
    for tensor in &mut graph.initializer {
        visit(TensorOwner::Main, tensor)?;
    }
    let mut visit = |tensor: &mut Bytes| visit(TensorOwner::Nested, tensor);
    sparse(&mut graph.sparse_initializer, &mut visit)?;
    nodes(&mut graph.node, &mut visit)?;
    for function in &mut model.functions {
        nodes(&mut function.node, &mut visit)?;
        function.attribute_proto.iter_mut().try_for_each(|own| attribute(own, &mut visit))?;
    }
    Ok(())
}

/// Calls `visit` with every node: of the main graph, its subgraphs and the functions.
pub(super) fn each_node(model: &Model, graph: &Graph, visit: &mut dyn FnMut(&Node)) {
    let functions = model.functions.iter().flat_map(|function| &function.node);
    for node in graph.node.iter().chain(functions) {
        visit(node);
        for attribute in &node.attribute {
            for subgraph in attribute.g.as_deref().into_iter().chain(&attribute.graphs) {
                each_node(&Model::default(), subgraph, visit);
            }
        }
    }
}

type TensorVisitor<'s> = dyn FnMut(&mut Bytes) -> Result<(), OnnxError> + 's;

fn subgraph(graph: &mut Graph, visit: &mut TensorVisitor<'_>) -> Result<(), OnnxError> {
    graph.initializer.iter_mut().try_for_each(&mut *visit)?;
    sparse(&mut graph.sparse_initializer, visit)?;
    nodes(&mut graph.node, visit)
}

fn nodes(nodes: &mut [Node], visit: &mut TensorVisitor<'_>) -> Result<(), OnnxError> {
    nodes.iter_mut().flat_map(|node| &mut node.attribute).try_for_each(|of_node| attribute(of_node, visit))
}

fn attribute(attribute: &mut Attribute, visit: &mut TensorVisitor<'_>) -> Result<(), OnnxError> {
    check_single(&attribute.t)?;
    attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(&mut *visit)?;
    attribute.sparse_tensor.iter_mut().try_for_each(|tensor| sparse(std::slice::from_mut(tensor), visit))?;
    sparse(&mut attribute.sparse_tensors, visit)?;
    let graphs = attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs);
    graphs.into_iter().try_for_each(|graph| subgraph(graph, visit))
}

fn sparse(tensors: &mut [SparseTensor], visit: &mut TensorVisitor<'_>) -> Result<(), OnnxError> {
    tensors.iter().try_for_each(|tensor| check_single(&tensor.values).and_then(|()| check_single(&tensor.indices)))?;
    tensors.iter_mut().flat_map(|tensor| tensor.values.iter_mut().chain(&mut tensor.indices)).try_for_each(visit)
}

/// Refuses a repeated field, which ONNX's reader would merge into one tensor.
fn check_single(tensors: &[Bytes]) -> Result<(), OnnxError> {
    if tensors.len() > 1 { Err(OnnxError::NotOnnx("a field of one tensor is given twice".to_owned())) } else { Ok(()) }
}

/// The `FlatBuffers` identifier of ONNX Runtime's own format.
const ORT_IDENTIFIER: &[u8] = b"ORTM";
