//! ONNX files as messages, and the walk over all tensors in them.

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::proto::{Attribute, Graph, Model, Node, SparseTensor};
use super::sniff::sniff;

/// Reads an ONNX file, whose main graph is there.
pub(super) fn read(file: &Bytes) -> Result<(Model, Graph), OnnxError> {
    if file.get(4..8) == Some(ORT_IDENTIFIER) {
        return Err(OnnxError::OrtForm);
    }
    let none = |error: String| OnnxError::NotOnnx(sniff(file).unwrap_or(error));
    let mut model = Model::decode(file.clone()).map_err(|error| none(error.to_string()))?;
    let graph = model.graph.take().ok_or_else(|| none("there is no graph in it".to_owned()))?;
    Ok((model, graph))
}

/// Whose a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// An initializer of the main graph.
    Main,
    /// Anything else.
    Nested,
}

/// Shows `see` the bytes of every tensor of a file, to be replaced where it wants. The depth is that of the file, which
/// [`proto`](super::proto) bounds.
pub(super) fn each_tensor(
    model: &mut Model,
    graph: &mut Graph,
    mut see: impl FnMut(Owner, &mut Bytes) -> Result<(), OnnxError>,
) -> Result<(), OnnxError> {
    for tensor in &mut graph.initializer {
        see(Owner::Main, tensor)?;
    }
    let mut see = |tensor: &mut Bytes| see(Owner::Nested, tensor);
    sparse(&mut graph.sparse_initializer, &mut see)?;
    nodes(&mut graph.node, &mut see)?;
    for function in &mut model.functions {
        nodes(&mut function.node, &mut see)?;
        function.attribute_proto.iter_mut().try_for_each(|own| attribute(own, &mut see))?;
    }
    Ok(())
}

type See<'s> = dyn FnMut(&mut Bytes) -> Result<(), OnnxError> + 's;

fn subgraph(graph: &mut Graph, see: &mut See<'_>) -> Result<(), OnnxError> {
    graph.initializer.iter_mut().try_for_each(&mut *see)?;
    sparse(&mut graph.sparse_initializer, see)?;
    nodes(&mut graph.node, see)
}

fn nodes(nodes: &mut [Node], see: &mut See<'_>) -> Result<(), OnnxError> {
    nodes.iter_mut().flat_map(|node| &mut node.attribute).try_for_each(|of_node| attribute(of_node, see))
}

fn attribute(attribute: &mut Attribute, see: &mut See<'_>) -> Result<(), OnnxError> {
    once(&attribute.t)?;
    attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(&mut *see)?;
    attribute.sparse_tensor.iter_mut().try_for_each(|tensor| sparse(std::slice::from_mut(tensor), see))?;
    sparse(&mut attribute.sparse_tensors, see)?;
    let graphs = attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs);
    graphs.into_iter().try_for_each(|graph| subgraph(graph, see))
}

fn sparse(tensors: &mut [SparseTensor], see: &mut See<'_>) -> Result<(), OnnxError> {
    tensors.iter().try_for_each(|tensor| once(&tensor.values).and_then(|()| once(&tensor.indices)))?;
    tensors.iter_mut().flat_map(|tensor| tensor.values.iter_mut().chain(&mut tensor.indices)).try_for_each(see)
}

/// Refuses a field that stands there more than once: ONNX's reader would make one tensor of all.
fn once(tensors: &[Bytes]) -> Result<(), OnnxError> {
    if tensors.len() > 1 {
        Err(OnnxError::NotOnnx("a field of one tensor stands there twice".to_owned()))
    } else {
        Ok(())
    }
}

/// The `FlatBuffers` identifier of ONNX Runtime's own form.
const ORT_IDENTIFIER: &[u8] = b"ORTM";
