//! ONNX files that cannot be served, and the publisher's error.

use std::slice::from_ref;

use amaas::Datatype::{Bytes, Fp32, Int64};
use amaas_e2e::onnx::{Constant, Dim, Graph, Node, Type, Value};
use amaas_e2e::{TestEnv, library};
use amaas_model::publish::{Publication, publish};
use amaas_model::task::Tasks;

const SHAPE: &[Dim] = &[Dim::Symbol("n")];
const FLOAT: i64 = 1;
const INT64: i64 = 7;

fn x() -> Value {
    Value::new("x", Fp32, SHAPE)
}

fn y() -> Value {
    Value::new("y", Fp32, SHAPE)
}

fn node(operator: &str) -> Node {
    Node::new(operator, &["x"], &["y"])
}

fn graph(input: Value, node: Node, output: Value) -> Graph {
    Graph::new(&[input], &[node], &[], &[output])
}

fn texts(node: Node) -> Vec<u8> {
    graph(Value::new("x", Bytes, SHAPE), node, Value::new("y", Bytes, SHAPE)).into_file()
}

/// The error of publishing `network`.
async fn published_error(env: &TestEnv, network: Vec<u8>) -> String {
    let publication = Publication::of_network("refused".parse().expect("a model's name"), network);
    let (store, tasks) = (env.store().await, Tasks::default());
    let published = publish(&store, publication, &tasks, library().await, env.publisher()).await;
    let error = published.expect_err("it cannot be served").to_string();
    assert!(!error.contains("/onnxruntime_src") && !error.contains("/dev/null"), "a path: {error}");
    error
}

#[tokio::test]
async fn what_is_no_tensor_is_named() {
    let env = TestEnv::start().await;
    let float = || Type::tensor(FLOAT, Some(&[]));
    let of = |element| Type::tensor(element, Some(SHAPE));
    let typed = |input: &Type, node: Node, output: &Type, set| {
        graph(Value::of("x", input), node, Value::of("y", output)).into_file_of(10, &[("", set), ("ai.onnx.ml", 1)])
    };
    let maps = float().map_from(INT64).sequence();
    for (network, expected) in [
        (
            Graph::new(
                &[Value::of("x", &of(FLOAT).sequence()), Value::new("i", Int64, &[])],
                &[Node::new("SequenceAt", &["x", "i"], &["y"])],
                &[],
                &[y()],
            )
            .into_file(),
            "input \"x\" is a sequence, each a tensor of FLOAT; only tensors",
        ),
        (
            typed(&of(FLOAT), node("SequenceConstruct"), &of(FLOAT).sequence(), 17),
            "output \"y\" is a sequence, each a tensor of FLOAT; only tensors of the protocol's datatypes are served (no complex numbers, \
             none of 8 bits or fewer but INT8, UINT8 and BOOL). Export the network with a tensor in its place: ConcatFromSequence joins",
        ),
        (
            typed(&of(FLOAT), node("ZipMap").domain("ai.onnx.ml"), &maps, 17),
            "the operator ZipMap that makes output \"y\" cannot be removed: it has no class labels; convert the model with \
             options={'zipmap': False}",
        ),
        (
            typed(&of(FLOAT).optional(), node("OptionalGetElement"), &of(FLOAT), 18),
            "input \"x\" is of an optional type, a tensor of FLOAT or nothing; only tensors",
        ),
        (typed(&of(14), node("Identity"), &of(14), 17), "input \"x\" is a tensor of COMPLEX64; only tensors"),
        (
            typed(&of(FLOAT), node("Cast").integer("to", 17), &of(17), 19),
            "output \"y\" is a tensor of FLOAT8E4M3FN; only tensors",
        ),
        (
            typed(&of(FLOAT), node("Cast").integer("to", 22), &of(22), 21),
            "output \"y\" is a tensor of INT4; only tensors",
        ),
    ] {
        let error = published_error(&env, network).await;
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn what_the_runtime_does_not_know_is_named() {
    let env = TestEnv::start().await;
    let of = |node: Node| graph(x(), node, y());
    for (network, expected) in [
        (
            of(node("Fold").domain("example.custom")).into_file_of(9, &[("", 17), ("example.custom", 1)]),
            "the network needs the operator \"Fold\" of the domain \"example.custom\", which ONNX Runtime 1.32.0 does not have; \
             custom operators are not served",
        ),
        (
            of(node("Fold").domain("example.custom")).into_file(),
            "the network needs the operator \"Fold\" of the domain \"example.custom\", which ONNX Runtime 1.32.0 does not have; \
             custom operators are not served",
        ),
        (
            of(node("Fold")).into_file(),
            "the network needs the operator \"Fold\" of the domain \"ai.onnx\", which ONNX Runtime 1.32.0 does not have in operator \
             set 17; custom operators are not served",
        ),
        (
            of(node("Relu")).into_file_of(99, &[("", 17)]),
            "the ONNX file is of IR version 99; ONNX Runtime 1.32.0 reads versions up to 14",
        ),
        (
            of(node("Relu")).into_file_of(9, &[("", 99)]),
            "the network uses operator set 99 of the domain \"ai.onnx\"; ONNX Runtime 1.32.0 knows sets up to 28",
        ),
        (
            of(node("Relu")).into_file_of(9, &[("", 17), ("ai.onnx.ml", 99)]),
            "the network uses operator set 99 of the domain \"ai.onnx.ml\"; ONNX Runtime 1.32.0 knows sets up to 5",
        ),
        (Graph::new(&[x()], &[], &[], &[]).into_file(), "the network has no outputs"),
        (b"ir_version: 9".to_vec(), "not an ONNX file: "),
        (b"<!DOCTYPE html><html></html>".to_vec(), "not an ONNX file: it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "not an ONNX file: it is a pointer of Git LFS"),
        (of(node("Relu")).into_file()[..60].to_vec(), "not an ONNX file: it ends after 60 bytes, of at least "),
        (
            of(node("RandomNormalLike").float("scale", 0.0)).into_file(),
            "the operator RandomNormalLike (node \"RandomNormalLike-y\") has an invalid distribution: expected a scale above 0",
        ),
        (
            texts(node("StringNormalizer").text("case_change_action", "LOWER").text("locale", "xx_YY.UTF-8")),
            "the network's StringNormalizer asks for the locale \"xx_YY.UTF-8\", which machines that serve it do not have; give the \
             node the attribute locale=\"C.UTF-8\"",
        ),
        (Vec::new(), "not an ONNX file: there is no graph in it"),
    ] {
        let error = published_error(&env, network).await;
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn weights_that_were_not_handed_over_are_named() {
    let env = TestEnv::start().await;
    let value = |name| Value::new(name, Fp32, &[Dim::Fixed(2)]);
    let weights = Constant::external("w", 2, "big.data", 0);
    let add = Node::new("Add", &["x", "w"], &["y"]);
    let main = Graph::new(&[value("x")], from_ref(&add), from_ref(&weights), &[value("y")]).into_file();
    let error = published_error(&env, main).await;
    assert_eq!(
        error,
        "the file \"big.data\", in which the network has weights, is missing; it has to be beside the ONNX file"
    );
    let constant = Node::new("Constant", &[], &["w"]).tensor("value", &weights);
    let nested = Graph::new(&[value("x")], &[constant, add], &[], &[value("y")]).into_file();
    let error = published_error(&env, nested).await;
    assert!(error.starts_with("tensor \"w\" of a subgraph, an attribute or a function is in the file"), "{error}");
}
