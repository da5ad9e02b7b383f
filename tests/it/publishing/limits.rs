//! Networks whose calls cannot be carried, or that cannot be tried.

use amaas::Datatype::Fp32;
use amaas_e2e::TestEnv;
use amaas_e2e::onnx::{Constant, Dim, Graph, Node, Value};
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;

use super::published;

fn publication(network: Graph) -> Publication {
    Publication::of_network("limits".parse().expect("a model's name"), network.into_file())
}

#[tokio::test]
async fn a_tensor_that_no_call_can_name_or_shape_is_refused() {
    let env = TestEnv::start().await;
    let (long, deep) = ("n".repeat(257), [Dim::Symbol("n"); 17]);
    let identity = |from: &str, to: &str, shape: &[Dim]| {
        Graph::new(
            &[Value::new(from, Fp32, shape)],
            &[Node::new("Identity", &[from], &[to])],
            &[],
            &[Value::new(to, Fp32, shape)],
        )
    };
    for (network, expected) in [
        (identity(&long, "y", &deep[..1]), "its name has 257 bytes, of at most 256"),
        (identity("x", &long, &deep[..1]), "its name has 257 bytes, of at most 256"),
        (
            identity("x", "y", &deep),
            "input \"x\" cannot be carried by calls and answers: it has 17 dimensions, of at most 16",
        ),
    ] {
        let refused = published(&env, publication(network), &Tasks::default()).await.expect_err(expected).to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    let most = identity(&long[..256], "y", &deep[..16]);
    published(&env, publication(most), &Tasks::default()).await.expect("it is just within");
}

#[tokio::test]
async fn what_could_not_be_tried_is_said_once_with_the_remedy() {
    let env = TestEnv::start().await;
    // No synthetic size is 5.
    let value = |name, size| Value::new(name, Fp32, &[Dim::Symbol("n"), size]);
    let constants = [Constant::matrix("five", &[5, 1], &[0.5; 5]), Constant::floats("w", &vec![0.5; 300_000])];
    let nodes = [
        Node::new("MatMul", &["x", "five"], &["s"]),
        Node::new("ReduceSum", &["w"], &["sum"]).integer("keepdims", 0),
        Node::new("Add", &["s", "sum"], &["y"]),
    ];
    let picky = Graph::new(&[value("x", Dim::Symbol("width"))], &nodes, &constants, &[value("y", Dim::Fixed(1))]);
    let published = published(&env, publication(picky), &Tasks::default()).await.expect("it can be served");
    let [warning] = &published.warnings[..] else { panic!("one: {:?}", published.warnings) };
    assert!(
        warning.starts_with("the network was not tried: it does not accept synthetic inputs (")
            && warning.contains("--golden"),
        "{warning}"
    );
    assert!(!warning.contains("/onnxruntime_src"), "{warning}");
    let status = "Non-zero status code";
    assert!(warning.contains(status), "{warning}");
    for other in [&published.batching_reason, &published.prepared_reason] {
        assert!(!other.contains(status) && other.contains("see the warning"), "{other}");
    }
}

#[tokio::test]
async fn a_size_that_the_network_takes_is_found() {
    let env = TestEnv::start().await;
    let value = |name, size| Value::new(name, Fp32, &[Dim::Symbol("n"), size]);
    let nodes = [Node::new("MatMul", &["x", "w"], &["y"])];
    let constants = [Constant::matrix("w", &[32, 1], &[0.5; 32])];
    let network = Graph::new(&[value("x", Dim::Symbol("width"))], &nodes, &constants, &[value("y", Dim::Fixed(1))]);
    let published = published(&env, publication(network), &Tasks::default()).await.expect("it can be served");
    assert_eq!(published.warnings, [""; 0]);
    assert!(published.batching_reason.contains("no row changed another one"), "{}", published.batching_reason);
}

#[tokio::test]
async fn a_length_that_is_named_as_a_sum_is_one() {
    let env = TestEnv::start().await;
    let value = |name, length: &'static str| Value::new(name, Fp32, &[Dim::Symbol("batch"), Dim::Symbol(length)]);
    // As in Hugging Face's decoders.
    let nodes = [
        Node::new("Concat", &["past", "new"], &["all"]).integer("axis", 1),
        Node::new("Mul", &["all", "mask"], &["y"]),
    ];
    let network = Graph::new(
        &[
            value("past", "past_sequence_length"),
            value("new", "sequence_length"),
            value("mask", "past_sequence_length + sequence_length"),
        ],
        &nodes,
        &[],
        &[value("y", "total")],
    );
    let published = published(&env, publication(network), &Tasks::default()).await.expect("it can be served");
    assert_eq!(published.warnings, [""; 0], "it is tried");
}
