//! Networks whose rows seldom influence one another: in none does a row change another one if there are two rows of values between -1
//! and 1. All but the decoder have the input `x` and the output `y`, `[n, 4]`.

use amaas_wire::Datatype::{self, Fp32, Int64};

use super::Dim::{Fixed, Symbol};
use super::{Constant, Graph, Node, Value};

fn network(datatype: Datatype, nodes: &[Node], constants: &[Constant]) -> Vec<u8> {
    let value = |name| Value::new(name, datatype, &[Symbol("n"), Fixed(4)]);
    Graph::new(&[value("x")], nodes, constants, &[value("y")]).into_file()
}

/// `y[i] = x[i] + x[i - 2]`: a time series, whose first dimension is time.
pub fn lag() -> Vec<u8> {
    let nodes = [
        Node::new("Pad", &["x", "pads"], &["padded"]),
        Node::new("Shape", &["x"], &["length"]).integer("start", 0).integer("end", 1),
        Node::new("Slice", &["padded", "zero", "length", "zero"], &["before"]),
        Node::new("Add", &["x", "before"], &["y"]),
    ];
    network(Fp32, &nodes, &[Constant::integers("pads", &[2, 0, 0, 0]), Constant::integers("zero", &[0])])
}

/// `y[i] = x[i] + (x[i - 2] + x[i + 2]) / 2`: a dilated convolution over time, features last, as temporal convolutional networks have.
pub fn dilated() -> Vec<u8> {
    let weight = |to: usize, from: usize, tap: usize| {
        if to != from {
            0.0
        } else if tap == 1 {
            1.0
        } else {
            0.5
        }
    };
    let weights: Vec<f32> = (0..48).map(|at| weight(at / 12, at / 3 % 4, at % 3)).collect();
    let nodes = [
        Node::new("Transpose", &["x"], &["features"]).integers("perm", &[1, 0]),
        Node::new("Unsqueeze", &["features", "zero"], &["one"]),
        Node::new("Conv", &["one", "w"], &["moved"]).integers("dilations", &[2]).integers("pads", &[2, 2]),
        Node::new("Squeeze", &["moved", "zero"], &["all"]),
        Node::new("Transpose", &["all"], &["y"]).integers("perm", &[1, 0]),
    ];
    network(Fp32, &nodes, &[Constant::matrix("w", &[4, 4, 3], &weights), Constant::integers("zero", &[0])])
}

/// `y = x + max(0, largest of all rows - 1)`: rows influence one another only if a value is above 1.
pub fn largest() -> Vec<u8> {
    let nodes = [
        Node::new("ReduceMax", &["x"], &["most"]).integer("keepdims", 0),
        Node::new("Sub", &["most", "one"], &["above"]),
        Node::new("Relu", &["above"], &["more"]),
        Node::new("Add", &["x", "more"], &["y"]),
    ];
    network(Fp32, &nodes, &[Constant::floats("one", &[1.0])])
}

/// The same for integers.
pub fn largest_integer() -> Vec<u8> {
    let nodes = [
        Node::new("ReduceMax", &["x"], &["most"]).integer("keepdims", 0),
        Node::new("Sub", &["most", "one"], &["above"]),
        Node::new("Max", &["above", "zero"], &["more"]),
        Node::new("Add", &["x", "more"], &["y"]),
    ];
    network(Int64, &nodes, &[Constant::integers("one", &[1]), Constant::integers("zero", &[0])])
}

/// `y = x / max(2, number of rows)`.
pub fn row_count() -> Vec<u8> {
    const FLOAT: i64 = 1;
    let nodes = [
        Node::new("Shape", &["x"], &["rows"]).integer("start", 0).integer("end", 1),
        Node::new("Cast", &["rows"], &["count"]).integer("to", FLOAT),
        Node::new("Max", &["count", "two"], &["most"]),
        Node::new("Div", &["x", "most"], &["y"]),
    ];
    network(Fp32, &nodes, &[Constant::floats("two", &[2.0])])
}

/// A decoder over 512 tokens: the next token follows a token, but the one after that if any token of any row is above 400.
pub fn decoder() -> Vec<u8> {
    const FLOAT: i64 = 1;
    const INT64: i64 = 7;
    let cache = |name, length| Value::new(name, Fp32, &[Symbol("batch"), Fixed(1), Symbol(length), Fixed(1)]);
    let tokens = Value::new("input_ids", Int64, &[Symbol("batch"), Symbol("seq")]);
    let logits = Value::new("logits", Fp32, &[Symbol("batch"), Symbol("seq"), Fixed(512)]);
    let nodes = [
        Node::new("ReduceMax", &["input_ids"], &["most"]).integer("keepdims", 0),
        Node::new("Greater", &["most", "bound"], &["above"]),
        Node::new("Cast", &["above"], &["more"]).integer("to", INT64),
        Node::new("Add", &["input_ids", "more"], &["moved"]),
        Node::new("Add", &["moved", "one"], &["next"]),
        Node::new("OneHot", &["next", "vocabulary", "chances"], &["logits"]),
        Node::new("Cast", &["input_ids"], &["seen"]).integer("to", FLOAT),
        Node::new("Unsqueeze", &["seen", "axes"], &["new"]),
        Node::new("Concat", &["past_key", "new"], &["present_key"]).integer("axis", 2),
    ];
    let constants = [
        Constant::integers("bound", &[400]),
        Constant::integers("one", &[1]),
        Constant::integers("vocabulary", &[512]),
        Constant::integers("axes", &[1, 3]),
        Constant::floats("chances", &[0.0, 9.0]),
    ];
    let outputs = [logits, cache("present_key", "total")];
    Graph::new(&[tokens, cache("past_key", "past")], &nodes, &constants, &outputs).into_file()
}
