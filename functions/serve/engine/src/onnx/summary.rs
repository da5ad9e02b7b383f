//! What a network consists of: its operators, and the number of its parameters.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use serde::Serialize;

use super::external::text;
use super::proto::{Node, Tensor};
use super::read::{TensorOwner, each_node, each_tensor, read};
use super::{NetworkFiles, OnnxError};

/// The operators and parameters of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NetworkSummary {
    /// How often each operator occurs, by domain; ONNX's own domain is `ai.onnx`. Subgraphs and functions count.
    pub operators: BTreeMap<String, BTreeMap<String, u64>>,
    /// The values of all initializers of the main graph.
    pub parameters: u64,
}

/// Counts the operators and parameters of the network in `files`.
///
/// # Errors
/// [`OnnxError::NotOnnx`] if it is not an ONNX file.
pub fn summarize(files: &NetworkFiles) -> Result<NetworkSummary, OnnxError> {
    let (mut model, mut graph) = read(&files.file)?;
    let mut summary = NetworkSummary::default();
    each_node(&model, &graph, &mut |node: &Node| {
        let domain = text(node.domain.as_deref());
        let domain = if domain.is_empty() { "ai.onnx".to_owned() } else { domain };
        *summary.operators.entry(domain).or_default().entry(text(node.op_type.as_deref())).or_default() += 1;
    });
    each_tensor(&mut model, &mut graph, |owner, tensor| {
        if owner == TensorOwner::Main {
            summary.parameters = summary.parameters.saturating_add(values(tensor)?);
        }
        Ok(())
    })?;
    Ok(summary)
}

/// The number of values of an encoded tensor.
fn values(tensor: &Bytes) -> Result<u64, OnnxError> {
    let tensor = Tensor::decode(tensor.clone()).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
    let sizes = tensor.dims.iter().map(|size| u64::try_from(*size).unwrap_or_default());
    Ok(sizes.fold(1, u64::saturating_mul))
}

#[cfg(test)]
mod tests {
    use super::super::proto::{Attribute, Function, Graph, Model};
    use super::*;

    #[test]
    fn operators_of_subgraphs_and_functions_count() {
        let node = |operator: &'static str, domain: &'static str, subgraph: Option<Graph>| Node {
            op_type: Some(operator.into()),
            domain: Some(domain.into()),
            attribute: vec![Attribute { g: subgraph.map(Box::new), ..Attribute::default() }],
            ..Node::default()
        };
        let branch = Graph { node: vec![node("Add", "", None)], ..Graph::default() };
        let tensor = |dims: &[i64]| Tensor { dims: dims.to_vec(), ..Tensor::default() }.encode_to_vec().into();
        let graph = Graph {
            node: vec![node("If", "", Some(branch)), node("Add", "ai.onnx", None)],
            initializer: vec![tensor(&[3, 4]), tensor(&[]), tensor(&[0, 7])],
            ..Graph::default()
        };
        let function = Function { node: vec![node("FusedGelu", "com.microsoft", None)], ..Function::default() };
        let model = Model { graph: Some(graph), functions: vec![function], ..Model::default() };
        let summary = summarize(&NetworkFiles::from(model.encode_to_vec())).expect("an ONNX file");
        let counts = |counts: &[(&str, u64)]| counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let expected = [
            ("ai.onnx".to_owned(), counts(&[("Add", 2), ("If", 1)])),
            ("com.microsoft".to_owned(), counts(&[("FusedGelu", 1)])),
        ];
        assert_eq!(summary.operators, expected.into());
        assert_eq!(summary.parameters, 13);
    }
}
