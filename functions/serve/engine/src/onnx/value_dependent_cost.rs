//! Whether the cost of a network's run depends on values, and not on shapes alone.
//!
//! Such a network's runs cannot be predicted to be short: one number can request a tensor of gigabytes, or an endless
//! loop. A tensor *varies* if its values depend on input values. An input's shape does not vary, since calls with other
//! shapes count as different calls.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use super::proto::{Graph, Model, Node, ValueInfo};

/// Whether calls with equal shapes can have different costs. True if that is unknown.
pub(super) fn has_value_dependent_cost(model: &Model, graph: &Graph) -> bool {
    let mut varies = BTreeSet::new();
    !model.functions.is_empty() || in_graph(graph, &mut varies)
}

/// The same for one graph, given the tensors that vary around it.
fn in_graph(graph: &Graph, varies: &mut BTreeSet<Bytes>) -> bool {
    let inputs = graph.input.iter().filter_map(|input| ValueInfo::decode(input.clone()).ok()?.name);
    varies.extend(inputs);
    // Nodes are in topological order.
    graph.node.iter().any(|node| in_node(node, varies))
}

fn in_node(node: &Node, varies: &mut BTreeSet<Bytes>) -> bool {
    let of_onnx = matches!(node.domain.as_deref(), None | Some(b"" | b"ai.onnx"));
    let operator = node.op_type.as_deref().unwrap_or_default();
    let is_varying = |at: usize| node.input.get(at).is_some_and(|input| varies.contains(input));
    let any = (0..node.input.len()).any(is_varying);
    let sizes: &[usize] = match operator {
        b"Loop" | b"SequenceMap" => return true,
        // The taken branch or the number of results decides the cost.
        b"If" | b"NonZero" | b"Compress" | b"Unique" | b"NonMaxSuppression" | b"MelWeightMatrix" if any => return true,
        b"ConstantOfShape" | b"HannWindow" | b"HammingWindow" | b"BlackmanWindow" => &[0],
        b"Range" => &[0, 1, 2],
        b"Resize" | b"Upsample" | b"Slice" => &[1, 2, 3, 4],
        b"Col2Im" | b"DFT" | b"STFT" => &[1, 2, 3],
        b"MaxUnpool" => &[2],
        b"Expand" | b"Reshape" | b"Tile" | b"Pad" | b"OneHot" | b"TopK" | b"Split" | b"SplitToSequence"
        | b"Squeeze" | b"Unsqueeze" | b"CenterCropPad" | b"AffineGrid" | b"ReduceSum" => &[1],
        _ if !of_onnx && any => return true,
        _ => &[],
    };
    if sizes.iter().any(|at| is_varying(*at)) {
        return true;
    }
    let mut inner = node.attribute.iter().flat_map(|own| own.g.as_deref().into_iter().chain(&own.graphs));
    if inner.any(|graph| in_graph(graph, &mut varies.clone())) {
        return true;
    }
    if any && !matches!(operator, b"Shape" | b"Size") || !node.attribute.is_empty() && has_graph(node) {
        varies.extend(node.output.iter().cloned());
    }
    false
}

fn has_graph(node: &Node) -> bool {
    node.attribute.iter().any(|own| own.g.is_some() || !own.graphs.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
        let input = inputs.iter().map(|input| text(input)).collect();
        Node { input, output: vec![text(output)], op_type: Some(text(operator)), ..Node::default() }
    }

    fn value_dependent(nodes: Vec<Node>) -> bool {
        let input = ValueInfo { name: Some(text("x")), r#type: None }.encode_to_vec().into();
        has_value_dependent_cost(&Model::default(), &Graph { node: nodes, input: vec![input], ..Graph::default() })
    }

    #[test]
    fn values_that_say_how_much_there_is_to_do_are_found() {
        let cast = || node("Cast", &["x"], "n");
        for (nodes, expected) in [
            (vec![node("Add", &["x", "one"], "y")], false),
            (vec![node("Expand", &["one", "x"], "y")], true),
            (vec![node("Expand", &["x", "constant"], "y")], false),
            (vec![cast(), node("ConstantOfShape", &["n"], "y")], true),
            (vec![node("Shape", &["x"], "n"), node("ConstantOfShape", &["n"], "y")], false),
            (vec![node("Constant", &[], "n"), node("Reshape", &["x", "n"], "y")], false),
            (vec![cast(), node("Reshape", &["x", "n"], "y")], true),
            (vec![node("Loop", &["m", "", "x"], "y")], true),
            (vec![node("If", &["x"], "y")], true),
            (vec![Node { domain: Some(text("com.microsoft")), ..node("Anything", &["x"], "y") }], true),
            (vec![cast(), node("Range", &["zero", "n", "one"], "y")], true),
        ] {
            let names: Vec<_> = nodes.iter().map(|node| node.op_type.clone()).collect();
            assert_eq!(value_dependent(nodes), expected, "{names:?}");
        }
    }
}
