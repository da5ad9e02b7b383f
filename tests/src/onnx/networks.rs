//! The networks that the tests serve.

use amaas_wire::Datatype::{self, Bool, Fp32, Int64};

use super::Dim::{Fixed, Symbol};
use super::{Constant, Graph, Node, Value};

/// `y = x + 1`, FP32 `[batch, 2]`.
pub fn plus_one() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("batch"), Fixed(2)]);
    let nodes = [Node::new("Add", &["x", "one"], &["y"])];
    Graph::new(&[value("x")], &nodes, &[Constant::floats("one", &[1.0])], &[value("y")]).into_file()
}

/// `y = x + 1`, FP32 without dimensions.
pub fn scalar() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[]);
    let nodes = [Node::new("Add", &["x", "one"], &["sum"]), Node::new("Squeeze", &["sum"], &["y"])];
    Graph::new(&[value("x")], &nodes, &[Constant::floats("one", &[1.0])], &[value("y")]).into_file()
}

/// `sum = a + b`, FP32 `[batch, 2]`.
pub fn add() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("batch"), Fixed(2)]);
    let nodes = [Node::new("Add", &["a", "b"], &["sum"])];
    Graph::new(&[value("a"), value("b")], &nodes, &[], &[value("sum")]).into_file()
}

/// For each of `datatypes` an input of its name and an output `OUT_…` with the same values, `[batch, width]`.
pub fn identity(datatypes: &[Datatype]) -> Vec<u8> {
    let shape = [Symbol("batch"), Symbol("width")];
    let output = |datatype: &Datatype| format!("OUT_{datatype}");
    let inputs: Vec<_> = datatypes.iter().map(|datatype| Value::new(datatype.name(), *datatype, &shape)).collect();
    let outputs: Vec<_> = datatypes.iter().map(|datatype| Value::new(&output(datatype), *datatype, &shape)).collect();
    let node = |datatype: &Datatype| Node::new("Identity", &[datatype.name()], &[&output(datatype)]);
    Graph::new(&inputs, &datatypes.iter().map(node).collect::<Vec<_>>(), &[], &outputs).into_file()
}

/// `y = x + w₀ + … + wₙ`, FP32 `[batch, width]`, with `weights` tensors of `width` values: a file of any size.
pub fn sum(weights: usize, width: usize) -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("batch"), Fixed(i64::try_from(width).expect("a small number"))]);
    let mut state = 1_u32;
    // Each weight has different numbers, so that none can be folded or shared.
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or_default()) / 65_536.0
    };
    let constants: Vec<_> = (0..weights)
        .map(|index| Constant::floats(&format!("w{index}"), &(0..width).map(|_| next()).collect::<Vec<_>>()))
        .collect();
    let tensor = |index: usize| match index {
        0 => "x".to_owned(),
        index if index == weights => "y".to_owned(),
        index => format!("s{index}"),
    };
    let node = |index: usize| Node::new("Add", &[&tensor(index), &format!("w{index}")], &[&tensor(index + 1)]);
    let nodes: Vec<_> = (0..weights).map(node).collect();
    Graph::new(&[value("x")], &nodes, &constants, &[value("y")]).into_file()
}

/// `y[i] = x[0] + … + x[i]`, FP32 `[length]`: the first dimension has any size, but is no batch.
pub fn running_sum() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("length")]);
    let nodes = [Node::new("CumSum", &["x", "axis"], &["y"])];
    Graph::new(&[value("x")], &nodes, &[Constant::integers("axis", &[0])], &[value("y")]).into_file()
}

/// `total = start + steps`, INT64 `[1]`, counted one by one: the client chooses the length of a run.
pub fn count() -> Vec<u8> {
    let one = |name| Value::new(name, Int64, &[Fixed(1)]);
    let nodes = [Node::new("Identity", &["go"], &["go_on"]), Node::new("Add", &["sum", "one"], &["next"])];
    let body = Graph::new(
        &[Value::new("step", Int64, &[]), Value::new("go", Bool, &[]), one("sum")],
        &nodes,
        &[Constant::integers("one", &[1])],
        &[Value::new("go_on", Bool, &[]), one("next")],
    );
    let counted = Node::new("Loop", &["steps", "", "start"], &["total"]).graph("body", &body);
    Graph::new(&[one("steps"), one("start")], &[counted], &[], &[one("total")]).into_file()
}

/// `y = x + w`, and if `more`, `y = x + w + v`, FP32 `[batch, 2]`. `w` is in the file `weights/w.bin` from byte 4,096 on; `v`, of
/// a graph in a node, in `v.bin`.
pub fn beside() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("batch"), Fixed(2)]);
    let branch = |node: Node, constants: &[Constant], output| Graph::new(&[], &[node], constants, &[value(output)]);
    let more = branch(Node::new("Add", &["s", "v"], &["more_y"]), &[Constant::external("v", 2, "v.bin", 0)], "more_y");
    let same = branch(Node::new("Identity", &["s"], &["same_y"]), &[], "same_y");
    let nodes = [
        Node::new("Add", &["x", "w"], &["s"]),
        Node::new("If", &["more"], &["y"]).graph("then_branch", &more).graph("else_branch", &same),
    ];
    let inputs = [value("x"), Value::new("more", Bool, &[])];
    Graph::new(&inputs, &nodes, &[Constant::external("w", 2, "weights/w.bin", 4096)], &[value("y")]).into_file()
}

/// `y = x + bias`, FP32 `[batch, 2]`. `bias` `[2]` is optional, by default `[0.5, 0.25]`.
pub fn biased() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("batch"), Fixed(2)]);
    let inputs = [value("x"), Value::new("bias", Fp32, &[Fixed(2)])];
    let nodes = [Node::new("Add", &["x", "bias"], &["y"])];
    Graph::new(&inputs, &nodes, &[Constant::floats("bias", &[0.5, 0.25])], &[value("y")]).into_file()
}

/// `y = x + shift`, FP32 `[batch, 2]`. `shift` has a row for each of `x`; it is optional, by default 1.
pub fn shifted() -> Vec<u8> {
    let value = |name| Value::new(name, Fp32, &[Symbol("batch"), Fixed(2)]);
    let nodes = [Node::new("Add", &["x", "shift"], &["y"])];
    let constants = [Constant::row("shift", &[1.0, 1.0])];
    Graph::new(&[value("x"), value("shift")], &nodes, &constants, &[value("y")]).into_file()
}

/// `y`, FP32 `[batch, 2]`, of random numbers: it has no input.
pub fn random() -> Vec<u8> {
    let nodes = [Node::new("RandomNormal", &[], &["y"]).integers("shape", &[1, 2])];
    Graph::new(&[], &nodes, &[], &[Value::new("y", Fp32, &[Symbol("batch"), Fixed(2)])]).into_file()
}

/// A decoder of 512 tokens, INT64 `[batch, seq]` to FP32 `[batch, seq, 512]`. It repeats the last token as long as `logit`, which is
/// added to all logits, is a number. Its KV cache is its input.
pub fn decoder(logit: f32) -> Vec<u8> {
    const TOKENS: u16 = 512;
    let (batch, seq) = (Symbol("batch"), Symbol("seq"));
    let cache = |name, length| Value::new(name, Fp32, &[batch, Fixed(1), Symbol(length), Fixed(1)]);
    let nodes = [
        Node::new("Cast", &["input_ids"], &["read"]).integer("to", 1),
        Node::new("Unsqueeze", &["read", "around"], &["new"]),
        Node::new("Concat", &["past_key", "new"], &["present_key"]).integer("axis", 2),
        Node::new("Unsqueeze", &["read", "behind"], &["row"]),
        Node::new("Mul", &["row", "weights"], &["product"]),
        Node::new("Add", &["product", "logit"], &["logits"]),
    ];
    let constants = [
        Constant::integers("around", &[1, 3]),
        Constant::integers("behind", &[2]),
        Constant::floats("weights", &(0..TOKENS).map(f32::from).collect::<Vec<_>>()),
        Constant::floats("logit", &[logit]),
    ];
    let outputs = [Value::new("logits", Fp32, &[batch, seq, Fixed(TOKENS.into())]), cache("present_key", "total")];
    let inputs = [Value::new("input_ids", Int64, &[batch, seq]), cache("past_key", "past")];
    Graph::new(&inputs, &nodes, &constants, &outputs).into_file()
}
