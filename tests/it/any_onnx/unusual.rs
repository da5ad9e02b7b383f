//! Unusual networks: without inputs, without dimensions, with empty tensors.

use amaas::Datatype::{Fp32, Int64};
use amaas::Tensor;
use amaas_e2e::onnx::{self, Constant, Dim, Graph, Node, Type, Value};
use amaas_e2e::{Function, Program, TestEnv};
use amaas_engine::Batching;
use amaas_model::publish::{Publication, publish};
use amaas_model::task::Tasks;
use futures_util::future::join_all;

use super::{floats, serve};

#[tokio::test]
async fn a_network_without_inputs_is_called_with_none() {
    let env = TestEnv::start().await;
    assert_eq!(env.publish("random", onnx::random()).await.batching, Batching::None);
    let (function, client) = serve(&env, "random").await;
    let model = client.model("random");
    let call = async || model.infer(vec![]).await.expect("an answer").output("y").cloned();
    let answers = join_all((0..4).map(|_| call())).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_some_and(|y| y.shape() == [1, 2])), "{answers:?}");
    assert!(answers[1..].iter().all(|answer| *answer != answers[0]), "each has a run of its own: {answers:?}");
    assert!(model.metadata().await.expect("an answer").inputs.is_empty());
    let error = model.infer(vec![floats("x", &[1], &[1.0])]).await.expect_err("there is no input");
    assert_eq!(error.detail(), Some("unknown input \"x\"; the model takes no input"), "{error}");
    // As users usually write it.
    let url = format!("{}/v2/models/random/infer", function.endpoint().await);
    let request = reqwest::Client::new().post(url).bearer_auth(env.key().expose()).body("{\"inputs\":[]}");
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn scalars_and_tensors_of_nothing_go_through() {
    let env = TestEnv::start().await;
    env.publish("scalar", onnx::scalar()).await;
    let (_function, client) = serve(&env, "scalar").await;
    let answer = client.model("scalar").infer(vec![floats("x", &[], &[41.0])]).await.expect("an answer");
    assert_eq!(answer.outputs(), [floats("y", &[], &[42.0])]);

    let value = |name, shape: &[Dim]| Value::new(name, Fp32, shape);
    let nodes = [
        Node::new("Concat", &["nothing", "one"], &["joined"]).integer("axis", 0),
        Node::new("Identity", &["wide"], &["same"]),
    ];
    let network = Graph::new(
        &[value("nothing", &[Dim::Fixed(0)]), value("wide", &[Dim::Symbol("n"), Dim::Fixed(0)])],
        &nodes,
        &[Constant::floats("one", &[1.0])],
        &[value("joined", &[Dim::Fixed(1)]), value("same", &[Dim::Symbol("n"), Dim::Fixed(0)])],
    );
    env.publish("nothing", network.into_file()).await;
    let (_function, client) = serve(&env, "nothing").await;
    let model = client.model("nothing");
    let answer = model.infer(vec![floats("nothing", &[0], &[]), floats("wide", &[3, 0], &[])]).await;
    assert_eq!(answer.expect("an answer").outputs(), [floats("joined", &[1], &[1.0]), floats("same", &[3, 0], &[])]);
    let shapes: Vec<_> = model.metadata().await.expect("an answer").inputs.into_iter().map(|it| it.shape).collect();
    assert_eq!(shapes, [vec![0], vec![-1, 0]]);
}

#[tokio::test]
async fn a_network_may_leave_shapes_open() {
    let env = TestEnv::start().await;
    let any = |name| Value::of(name, &Type::tensor(1, None));
    let network = Graph::new(&[any("x")], &[Node::new("Relu", &["x"], &["y"])], &[], &[any("y")]);
    let manifest = env.publish("any", network.into_file()).await;
    assert!(manifest.inputs[0].unranked && manifest.outputs[0].unranked && manifest.batching == Batching::None);
    let (_function, client) = serve(&env, "any").await;
    let model = client.model("any");
    for shape in [&[][..], &[2], &[1, 2, 1], &[0, 3]] {
        let count = shape.iter().product();
        let answer = model.infer(vec![floats("x", shape, &vec![-1.0; count])]).await.expect("an answer");
        assert_eq!(answer.outputs(), [floats("y", shape, &vec![0.0; count])]);
    }
    let metadata = model.metadata().await.expect("an answer");
    assert_eq!((&metadata.inputs[0].shape, &metadata.outputs[0].shape), (&vec![-1], &vec![-1]));
}

/// The load times that a function logs.
async fn loaded(function: &Function) -> String {
    let line = function.logs().message("loaded").await;
    line["times"].as_str().expect("times").to_owned()
}

#[tokio::test]
async fn a_network_is_run_before_its_first_call_where_it_can_be() {
    let env = TestEnv::start().await;
    env.publish("plus-one", onnx::plus_one()).await;
    let function = env.launch(Program::Tensor, "plus-one").await.start();
    function.ready().await;
    let log = function.logs().lines().join("\n");
    assert!(
        loaded(&function).await.contains("warm_up: ") && !log.contains("warm-up on synthetic inputs failed"),
        "{log}"
    );

    // The sizes of six numbers, which synthetic inputs do not have.
    let sizes = Value::new("sizes", Int64, &[Dim::Fixed(2)]);
    let y = Value::new("y", Fp32, &[Dim::Symbol(""), Dim::Symbol("")]);
    let node = Node::new("Reshape", &["six", "sizes"], &["y"]);
    let six = Constant::floats("six", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let network = Graph::new(&[sizes], &[node], &[six], &[y]).into_file();
    let publication = Publication::of_network("picky".parse().expect("a model's name"), network);
    let (store, library) = (env.store().await, amaas_e2e::library().await);
    let published = publish(&store, publication, &Tasks::default(), library, env.publisher()).await;
    let warnings = published.expect("it can be served").warnings;
    assert!(
        warnings[0].starts_with("the network was not tried: it does not accept synthetic inputs ("),
        "{warnings:?}"
    );
    // Without sealing keys; the calls of this test are plain.
    let function = env.launch(Program::Tensor, "picky").await.set("AMAAS_SEALING", "off").start();
    function.ready().await;
    function.logs().containing("warm-up on synthetic inputs failed").await;
    let url = format!("{}/v2/models/picky/infer", function.endpoint().await);
    let body = r#"{"inputs":[{"name":"sizes","datatype":"INT64","shape":[2],"data":[2,3]}]}"#;
    let request = reqwest::Client::new().post(url).bearer_auth(env.key().expose()).body(body);
    let answer = request.send().await.expect("an answer").text().await.expect("a body");
    assert!(answer.contains("\"shape\":[2,3]"), "{answer}");

    let large = Value::new("x", Fp32, &[Dim::Fixed(1 << 40)]);
    let network =
        Graph::new(&[large], &[Node::new("Shape", &["x"], &["y"])], &[], &[Value::new("y", Int64, &[Dim::Fixed(1)])]);
    env.publish("large", network.into_file()).await;
    let function = env.launch(Program::Tensor, "large").await.start();
    function.ready().await;
    function.logs().containing("is too large for a trial run").await;
}

#[tokio::test]
async fn several_inputs_and_outputs_of_many_kinds_go_through() {
    let env = TestEnv::start().await;
    let rows = |name, datatype| Value::new(name, datatype, &[Dim::Symbol("batch")]);
    let nodes = [
        Node::new("Add", &["a", "b"], &["sum"]),
        Node::new("Mul", &["a", "b"], &["product"]),
        Node::new("Shape", &["a"], &["shape"]),
    ];
    let outputs = [rows("sum", Fp32), rows("product", Fp32), Value::new("shape", Int64, &[Dim::Fixed(1)])];
    let network = Graph::new(&[rows("a", Fp32), rows("b", Fp32)], &nodes, &[], &outputs).into_file();
    assert_eq!(env.publish("several", network).await.batching, Batching::None);
    let (_function, client) = serve(&env, "several").await;
    let (a, b) = (floats("a", &[3], &[1.0, 2.0, 3.0]), floats("b", &[3], &[4.0, 5.0, 6.0]));
    let answer = client.model("several").infer(vec![b, a]).await.expect("an answer");
    let shape = Tensor::new("shape", vec![1], vec![3_i64]).expect("one value");
    let expected = [floats("sum", &[3], &[5.0, 7.0, 9.0]), floats("product", &[3], &[4.0, 10.0, 18.0]), shape];
    assert_eq!(answer.outputs(), expected);
}
