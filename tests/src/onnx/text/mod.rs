//! The textual form of ONNX networks (`onnx.parser` of the package `onnx`), as far as the tests need it, with subgraphs and functions.
//! A reader sees the network in the test.
//!
//! One extension: `{...}` as the values of a numeric tensor means numbers that differ from one another.

mod attribute;
mod element;
mod graph;
mod lexer;
mod tensor;

use self::graph::{function, graph};
use self::lexer::Tokens;
use super::protobuf::Message;

/// The bytes of an ONNX file with the graph and the functions of `text`, with the operators of these domains and versions.
///
/// # Errors
/// The expected token, and the rest of the text from there on.
pub fn parse(text: &str, operators: &[(&str, i64)]) -> Result<Vec<u8>, String> {
    let mut tokens = Tokens::new(text);
    let main = graph(&mut tokens)?;
    let operators: Vec<_> =
        operators.iter().map(|(domain, version)| Message::default().bytes(1, domain).integer(2, *version)).collect();
    let model = Message::default().integer(1, IR_VERSION).bytes(2, "amaas-e2e").message(7, &main);
    let mut model = model.messages(8, &operators);
    while !tokens.is_empty() {
        model = model.message(25, &function(&mut tokens, &operators)?);
    }
    Ok(model.into_bytes())
}

const IR_VERSION: i64 = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Constant, Dim, Graph, Node, Type, Value};

    #[test]
    fn text_is_what_the_builder_makes() {
        let float = |name: &str| Value::of(name, &Type::tensor(1, Some(&[Dim::Symbol("N"), Dim::Fixed(2)])));
        let constants = [Constant::matrix("c", &[2, 2], &[1.0, 2.0, 3.5, -4.0]), Constant::integers("axes", &[0])];
        let built = Graph::new(&[float("x")], &[], &constants, &[float("y")]).into_file();
        let text = "graph (float[N, 2] x) => (float[N,2] y) <float[2,2] c = {1, 2, 3.5, -4}, int64[1] axes = {0}> {}";
        assert_eq!(parse(text, &[("", 17)]), Ok(built));
        let node = Node::new("Gemm", &["x", "", "c"], &["y"]).integer("transA", 1).integers("perm", &[1, 0]);
        // The builder names nodes; the text does not.
        let text = "graph (float[N,2] x) => (float[N,2] y) { y = Gemm <transA = 1, perm = [1, 0]> (x, , c) }";
        let parsed = parse(text, &[("", 17)]).expect("a network");
        let built = Graph::new(&[float("x")], &[node], &[], &[float("y")]).into_file();
        assert_eq!(built.len() - parsed.len(), "Gemm-y".len() + 2);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for (text, expected) in [
            ("g (float[N] x) => (float[N] y) { y = }", "an operator"),
            ("g (floats[N] x) => (float[N] y) { }", "a type"),
            ("g (float[N] x) => (float[N] y) <int64[2] c = {1}> { }", "2 values, got 1"),
            ("g (float[N] x) => (float[N] y) { y = Relu(x)", "\"}\""),
        ] {
            let error = parse(text, &[]).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }
}
