//! Random networks: if the proof accepts one, rows alone equal rows together. A network that finally mixes rows is never accepted.
//!
//! `AMAAS_ROWS_SECONDS` and `AMAAS_ROWS_SEED` are for longer trials with other networks.

mod graph;
mod operators;

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, Instant};

use amaas_e2e::onnx;
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use self::graph::{Dim, Graph, Value};
use self::operators::{Step, append};
use super::prove;
use super::trial::{Runner, environment};

#[tokio::test]
async fn random_networks_that_are_proven_are_independent() {
    let environment = environment().await;
    let count = RefCell::new(Count::default());
    run(|start, steps| {
        let network = Network::new(start, steps);
        let judged = network.judge(&environment, &mut count.borrow_mut());
        judged.map_err(|why| TestCaseError::fail(format!("{why}\n{}", network.text)))
    });
    let count = count.into_inner();
    let _ = writeln!(
        std::io::stderr(),
        "{count:?} (networks without a row that ONNX Runtime runs are not among the valid)"
    );
    assert!(count.valid * 10 >= count.all * 7, "too many networks are not valid: {count:?}");
    assert!(count.proven * 5 >= count.valid, "too few are proven: {count:?}");
}

#[tokio::test]
async fn random_networks_that_end_in_a_mixture_are_refused() {
    run(|start, steps| {
        let planted = usize::from(start[1]);
        let Some(network) = Network::mixed(start, steps, planted) else { return Ok(()) };
        match prove(network.file()) {
            Err(_) => Ok(()),
            Ok(()) => Err(TestCaseError::fail(format!("proven:\n{}", network.text))),
        }
    });
}

/// Runs random programs with `judge` until the time is up.
fn run(judge: impl Fn([u16; 2], &[Step]) -> Result<(), TestCaseError>) {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let asked = number("AMAAS_ROWS_SECONDS");
    let ends = Instant::now() + Duration::from_secs(asked.unwrap_or(SECONDS));
    let chunks = if asked.is_some() { u32::MAX } else { CASES / CHUNK };
    let config = Config { cases: CHUNK, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let programs = (any::<[u16; 2]>(), vec(any::<Step>(), 1..=12));
    for chunk in (0..chunks).take_while(|_| Instant::now() < ends) {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&number("AMAAS_ROWS_SEED").unwrap_or_default().to_le_bytes());
        seed[8..12].copy_from_slice(&chunk.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let judged =
            TestRunner::new_with_rng(config.clone(), random).run(&programs, |(start, steps)| judge(start, &steps));
        if let Err(failed) = judged {
            panic!("{failed}");
        }
    }
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    valid: usize,
    proven: usize,
}

/// A random network.
struct Network {
    text: String,
}

impl Network {
    /// The network of a program. Its output is the last value whose first dimension is that of the rows, or else the last value.
    fn new(start: [u16; 2], steps: &[Step]) -> Self {
        let (inputs, mut graph) = begin(start);
        for step in steps {
            append(&mut graph, *step);
        }
        let with_rows = graph.values.iter().rev().find(|value| value.shape.first() == Some(&Dim::ROWS));
        let last = graph.values.last().expect("there is the input");
        // One in eight is kept, whatever its shape.
        let output = if start[1].is_multiple_of(8) { last } else { with_rows.unwrap_or(last) };
        Self { text: graph.text(inputs, output) }
    }

    /// The same with a final operator that mixes rows.
    fn mixed(start: [u16; 2], steps: &[Step], planted: usize) -> Option<Self> {
        let (inputs, mut graph) = begin(start);
        for step in steps {
            append(&mut graph, *step);
        }
        let value = graph.values.iter().rev().find(|value| value.shape.first() == Some(&Dim::ROWS))?.clone();
        let mixed = plant(&mut graph, &value, planted)?;
        let call = ["Relu", "Tanh", "Neg"][planted / 16 % 3];
        let output = graph.value(&format!("{call}({})", mixed.name), mixed.shape, false);
        Some(Self { text: graph.text(inputs, &output) })
    }

    fn file(&self) -> Vec<u8> {
        let operators = [("", 20), ("local", 1)];
        onnx::parse(&self.text, &operators).unwrap_or_else(|error| panic!("{error}\n{}", self.text))
    }

    fn judge(&self, environment: &Environment, count: &mut Count) -> Result<(), String> {
        let file = self.file();
        count.all += 1;
        // The transpose optimizer of ONNX Runtime 1.32 crashes on some valid networks.
        let runner = Runner::optimized(environment, &file, GraphOptimizationLevel::Disable);
        let Ok(mut runner) = runner else { return Ok(()) };
        if runner.trial(0, 1, 1.0).is_err() {
            return Ok(());
        }
        count.valid += 1;
        if prove(file).is_err() {
            return Ok(());
        }
        count.proven += 1;
        for (seed, (rows, scale)) in (1..).zip([(1, 1.0), (2, 1.0), (3, 1e3), (5, 1.0), (2, 1e-3), (3, 10.0)]) {
            for trial in [runner.trial(seed, rows, scale), runner.neighbours(seed, rows, scale)] {
                if let Ok(Some(difference)) = trial {
                    return Err(format!("{rows} rows of scale {scale}: {difference}"));
                }
            }
        }
        Ok(())
    }
}

/// A graph with inputs, of one of five kinds.
fn begin(start: [u16; 2]) -> (&'static str, Graph) {
    let (four, two) = (Dim::fixed(4), Dim::fixed(2));
    let mut graph = Graph::default();
    let (inputs, shape) = match start[0] % 5 {
        0 => ("float[N,4] x", vec![Dim::ROWS, four]),
        1 => ("float[N,S,4] x", vec![Dim::ROWS, Dim::LENGTH, four]),
        2 => ("float[N,2,4] x", vec![Dim::ROWS, two, four]),
        3 => ("float[N,2,S,2] x", vec![Dim::ROWS, two, Dim::LENGTH, two]),
        _ => {
            let table = graph.weights(&[5, 4]);
            let shape = vec![Dim::ROWS, Dim::LENGTH, four];
            graph.value(&format!("Gather({table}, ids)"), shape, true);
            return ("int64[N,S] ids", graph);
        }
    };
    graph.input("x", shape);
    (inputs, graph)
}

/// `value` with its rows mixed, in one of many ways.
fn plant(graph: &mut Graph, value: &Value, way: usize) -> Option<Value> {
    let name = value.name.clone();
    let one_each = value.shape[1..].iter().all(|dim| *dim == Dim::fixed(1));
    let call = match way % 11 {
        0 | 1 => {
            let axes = graph.integers(&[0]);
            let operator = ["ReduceMean", "ReduceMax"][way % 11];
            let all = graph.node(&format!("{operator}({name}, {axes})"));
            format!("Sub({name}, {all})")
        }
        2 => {
            let axis = graph.integer(0);
            format!("CumSum({name}, {axis})")
        }
        3 => format!("Softmax <axis = 0> ({name})"),
        4 => {
            let (from, to) = (graph.integers(&[0]), graph.integers(&[1]));
            let first = graph.node(&format!("Slice({name}, {from}, {to}, {from})"));
            format!("Add({name}, {first})")
        }
        // Transposed, and reshaped back.
        5 if !one_each && value.rank() >= 2 => {
            let shape = graph.node(&format!("Shape({name})"));
            let mut order: Vec<_> = (1..value.rank()).collect();
            order.push(0);
            let turned = graph.node(&format!("Transpose <perm = {order:?}> ({name})"));
            format!("Reshape({turned}, {shape})")
        }
        6 => {
            let [from, to, axes, by] = [-1, i64::MIN + 1, 0, -1].map(|number| graph.integers(&[number]));
            format!("Slice({name}, {from}, {to}, {axes}, {by})")
        }
        7 => {
            let size = graph.size(value, 0);
            let float = graph.node(&format!("Cast <to = 1> ({size})"));
            format!("Div({name}, {float})")
        }
        8 => {
            let shape = graph.node(&format!("Shape({name})"));
            let flat = graph.node(&format!("Flatten <axis = 0> ({name})"));
            let mixed = graph.node(&format!("Softmax <axis = 1> ({flat})"));
            format!("Reshape({mixed}, {shape})")
        }
        9 => {
            let (quantised, scale, zero) = graph.three(&format!("DynamicQuantizeLinear({name})"));
            format!("DequantizeLinear({quantised}, {scale}, {zero})")
        }
        10 => {
            let at = graph.integer(0);
            let first = graph.node(&format!("Gather({name}, {at})"));
            format!("Mul({name}, {first})")
        }
        _ => return None,
    };
    Some(graph.value(&call, value.shape.clone(), false))
}

/// Bounds of a trial by default.
const SECONDS: u64 = 25;
const CASES: u32 = 1500;
/// Networks between two checks of the clock.
const CHUNK: u32 = 25;
