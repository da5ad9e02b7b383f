//! Networks with which a client can request more resources than a host has.

use amaas_wire::Datatype::{Fp32, Int64};

use super::Dim::{Fixed, Symbol};
use super::{Constant, Graph, Node, Value};

/// `y`, FP32 of any shape, ones in the shape that `shape`, INT64 `[dims]`, says.
pub fn expand() -> Vec<u8> {
    let nodes = [Node::new("Expand", &["one", "shape"], &["y"])];
    let input = Value::new("shape", Int64, &[Symbol("dims")]);
    let output = Value::of("y", &super::Type::tensor(1, None));
    Graph::new(&[input], &nodes, &[Constant::floats("one", &[1.0])], &[output]).into_file()
}

/// `y`, FP32 `[]`, the number of values in the shape that `shape`, INT64 `[dims]`, has: all values are allocated, and none is returned.
pub fn expand_within() -> Vec<u8> {
    let nodes = [
        Node::new("Expand", &["one", "shape"], &["all"]),
        Node::new("ReduceSum", &["all"], &["y"]).integer("keepdims", 0),
    ];
    let input = Value::new("shape", Int64, &[Symbol("dims")]);
    let constants = [Constant::floats("one", &[1.0])];
    Graph::new(&[input], &nodes, &constants, &[Value::new("y", Fp32, &[])]).into_file()
}

/// `y = x · xᵀ`, FP32: a call of `[n, 1]` is answered with `[n, n]`.
pub fn square() -> Vec<u8> {
    let nodes = [Node::new("Transpose", &["x"], &["t"]), Node::new("MatMul", &["x", "t"], &["y"])];
    let value = |name, second| Value::new(name, Fp32, &[Symbol("n"), second]);
    Graph::new(&[value("x", Fixed(1))], &nodes, &[], &[value("y", Symbol("n"))]).into_file()
}

/// `y`, INT64 `[2]`, the shape of the boxes that remain of `n`, FP32 `[]`, which do not overlap: one operator compares each with all
/// before it, which takes minutes for 100,000, and some megabytes.
pub fn one_long_operator() -> Vec<u8> {
    let nodes = [
        Node::new("Range", &["none", "n", "step"], &["left"]),
        Node::new("Add", &["left", "half"], &["right"]),
        Node::new("Mul", &["left", "zero"], &["bottom"]),
        Node::new("Add", &["bottom", "one"], &["top"]),
        Node::new("Unsqueeze", &["left", "behind"], &["left-1"]),
        Node::new("Unsqueeze", &["bottom", "behind"], &["bottom-1"]),
        Node::new("Unsqueeze", &["right", "behind"], &["right-1"]),
        Node::new("Unsqueeze", &["top", "behind"], &["top-1"]),
        Node::new("Concat", &["left-1", "bottom-1", "right-1", "top-1"], &["rows"]).integer("axis", 1),
        Node::new("Unsqueeze", &["rows", "before"], &["boxes"]),
        Node::new("Unsqueeze", &["top", "twice"], &["scores"]),
        Node::new("NonMaxSuppression", &["boxes", "scores", "most", "overlap"], &["kept"]),
        Node::new("Shape", &["kept"], &["y"]),
    ];
    let constants = [
        Constant::matrix("none", &[], &[0.0]),
        Constant::matrix("step", &[], &[1.0]),
        Constant::floats("half", &[0.5]),
        Constant::floats("zero", &[0.0]),
        Constant::floats("one", &[1.0]),
        Constant::floats("overlap", &[0.5]),
        Constant::integers("behind", &[1]),
        Constant::integers("before", &[0]),
        Constant::integers("twice", &[0, 1]),
        Constant::integers("most", &[1 << 30]),
    ];
    Graph::new(&[Value::new("n", Fp32, &[])], &nodes, &constants, &[Value::new("y", Int64, &[Fixed(2)])]).into_file()
}
