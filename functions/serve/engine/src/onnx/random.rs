//! Checks the parameters of random operators. ONNX Runtime passes them to the C++ library, whose assertions abort the
//! whole process for a scale that is not positive or an empty range. The values are attributes, so they are known
//! before a session is created.

use super::OnnxError;
use super::external::text;
use super::proto::{Attribute, Graph, Model, Node};

/// Refuses random operators at which ONNX Runtime would abort the process.
pub(super) fn check(model: &Model, graph: &Graph) -> Result<(), OnnxError> {
    in_graph(graph)?;
    model.functions.iter().flat_map(|function| &function.node).try_for_each(in_node)
}

fn in_graph(graph: &Graph) -> Result<(), OnnxError> {
    graph.node.iter().try_for_each(in_node)
}

fn in_node(node: &Node) -> Result<(), OnnxError> {
    let operator = text(node.op_type.as_deref());
    let what = match operator.as_str() {
        "RandomNormal" | "RandomNormalLike" => normal(node),
        "RandomUniform" | "RandomUniformLike" => uniform(node),
        _ => None,
    };
    if let Some(what) = what {
        return Err(OnnxError::Random { operator, node: text(node.name.as_deref()), what });
    }
    let inner = node.attribute.iter().flat_map(|own| own.g.as_deref().into_iter().chain(&own.graphs));
    inner.into_iter().try_for_each(in_graph)
}

fn normal(node: &Node) -> Option<String> {
    let scales = values(node, "scale", 1.0);
    // NaN is not above 0 either.
    let wrong = |scale: &&f32| scale.partial_cmp(&&0.0) != Some(std::cmp::Ordering::Greater);
    scales.iter().find(wrong).map(|scale| format!("expected a scale above 0, got {scale}"))
}

fn uniform(node: &Node) -> Option<String> {
    let (lows, highs) = (values(node, "low", 0.0), values(node, "high", 1.0));
    let pairs = lows.iter().flat_map(|low| highs.iter().map(move |high| (low, high)));
    let wrong = |(low, high): &(&f32, &f32)| {
        !matches!(low.partial_cmp(high), Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal))
    };
    pairs.into_iter().find(wrong).map(|(low, high)| format!("expected a range from low to high, got {low} to {high}"))
}

/// All values of the attribute `name`, or its default.
fn values(node: &Node, name: &str, default: f32) -> Vec<f32> {
    let of: Vec<&Attribute> =
        node.attribute.iter().filter(|own| own.name.as_deref() == Some(name.as_bytes())).collect();
    if of.is_empty() {
        return vec![default];
    }
    // A reference to a function's attribute has an unknown value.
    of.iter().map(|own| if own.ref_attr_name.is_some() { f32::NAN } else { own.f.unwrap_or_default() }).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::proto::Function;
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn node(operator: &str, attributes: &[(&str, f32)]) -> Node {
        let attribute =
            |(name, f): &(&str, f32)| Attribute { name: Some(bytes(name)), f: Some(*f), ..Attribute::default() };
        let attribute = attributes.iter().map(attribute).collect();
        Node { op_type: Some(bytes(operator)), name: Some(bytes("r")), attribute, ..Node::default() }
    }

    #[test]
    fn distributions_that_end_the_process_are_refused_wherever_they_stand() {
        for (operator, attributes, expected) in [
            ("RandomNormalLike", &[][..], None),
            ("RandomNormalLike", &[("scale", 0.5), ("mean", f32::NAN)], None),
            ("RandomNormalLike", &[("scale", 0.0)], Some("expected a scale above 0, got 0")),
            ("RandomNormal", &[("scale", -1.0)], Some("expected a scale above 0, got -1")),
            ("RandomNormal", &[("scale", f32::NAN)], Some("expected a scale above 0, got NaN")),
            ("RandomUniform", &[("low", 2.0), ("high", 2.0)], None),
            ("RandomUniform", &[("low", 2.0)], Some("got 2 to 1")),
            ("RandomUniformLike", &[("high", -1.0)], Some("got 0 to -1")),
            ("RandomUniformLike", &[("low", f32::NAN)], Some("got NaN to 1")),
            ("Elu", &[("scale", 0.0)], None),
        ] {
            let node = node(operator, attributes);
            let graph = Graph { node: vec![node.clone()], ..Graph::default() };
            let branch = Attribute { g: Some(Box::new(graph.clone())), ..Attribute::default() };
            let nested = Node { op_type: Some(bytes("If")), attribute: vec![branch], ..Node::default() };
            let function = Function { node: vec![node], ..Function::default() };
            let model = Model { functions: vec![function], ..Model::default() };
            for refusal in [
                check(&Model::default(), &graph),
                check(&Model::default(), &Graph { node: vec![nested], ..Graph::default() }),
                check(&model, &Graph::default()),
            ] {
                let refusal = refusal.err().map(|error| error.to_string());
                assert_eq!(refusal.is_some(), expected.is_some(), "{operator} {attributes:?}: {refusal:?}");
                assert!(refusal.unwrap_or_default().contains(expected.unwrap_or_default()), "{expected:?}");
            }
        }
    }
}
