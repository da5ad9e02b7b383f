//! A synthetic encoder of any size: BERT's operators with one head, and arbitrary weights.

use amaas_e2e::onnx::Dim::{Fixed, Symbol};
use amaas_e2e::onnx::{Constant, Graph, Node, Value};
use amaas_wire::Datatype::{Fp32, Int64};

/// The size of an encoder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncoderSize {
    pub(crate) layers: usize,
    pub(crate) width: usize,
}

/// `input_ids` INT64 `[batch, seq]` to `pooled` FP32 `[batch, 1, width]`.
pub(crate) fn encoder(size: EncoderSize) -> Graph {
    let mut made = Made::default();
    let width = size.width;
    made.matrix("words", VOCABULARY, width);
    made.constants.push(Constant::floats("gain", &vec![1.0; width]));
    made.constants.push(Constant::floats("bias", &vec![0.0; width]));
    made.constants.push(Constant::floats("root", &[f32::from(u16::try_from(width).expect("a width")).sqrt()]));
    made.node("Gather", &["words", "input_ids"], "x0");
    for layer in 0..size.layers {
        let at = |name: &str| format!("{name}{layer}");
        let out = |name: &str| format!("{name}{layer}.out");
        let x = at("x");
        for part in ["query", "key", "value"] {
            made.multiply(&x, &at(part), width, width);
        }
        let transposed = Node::new("Transpose", &[&out("key")], &[&at("turned")]).integers("perm", &[0, 2, 1]);
        made.nodes.push(transposed);
        made.node("MatMul", &[&out("query"), &at("turned")], &at("raw"));
        made.node("Div", &[&at("raw"), "root"], &at("scores"));
        made.node("Softmax", &[&at("scores")], &at("chances"));
        made.node("MatMul", &[&at("chances"), &out("value")], &at("mixed"));
        made.multiply(&at("mixed"), &at("output"), width, width);
        made.node("Add", &[&x, &out("output")], &at("seen"));
        made.node("LayerNormalization", &[&at("seen"), "gain", "bias"], &at("normal"));
        made.multiply(&at("normal"), &at("inner"), width, 4 * width);
        made.node("Relu", &[&out("inner")], &at("active"));
        made.multiply(&at("active"), &at("outer"), 4 * width, width);
        made.node("Add", &[&at("normal"), &out("outer")], &at("sum"));
        made.node("LayerNormalization", &[&at("sum"), "gain", "bias"], &format!("x{}", layer + 1));
    }
    let last = format!("x{}", size.layers);
    made.nodes.push(Node::new("ReduceMean", &[&last], &["pooled"]).integers("axes", &[1]));
    let width = i64::try_from(width).expect("a width");
    let inputs = [Value::new("input_ids", Int64, &[Symbol("batch"), Symbol("seq")])];
    let outputs = [Value::new("pooled", Fp32, &[Symbol("batch"), Fixed(1), Fixed(width)])];
    Graph::new(&inputs, &made.nodes, &made.constants, &outputs)
}

#[derive(Default)]
struct Made {
    nodes: Vec<Node>,
    constants: Vec<Constant>,
    state: u32,
}

impl Made {
    fn node(&mut self, operator: &str, inputs: &[&str], output: &str) {
        self.nodes.push(Node::new(operator, inputs, &[output]));
    }

    /// `{name}.out` = `x` · a new matrix `name`.
    fn multiply(&mut self, x: &str, name: &str, rows: usize, columns: usize) {
        self.matrix(name, rows, columns);
        self.node("MatMul", &[x, name], &format!("{name}.out"));
    }

    /// Small numbers that differ between matrices, so that nothing can be shared.
    fn matrix(&mut self, name: &str, rows: usize, columns: usize) {
        let mut next = || {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from(u16::try_from(self.state >> 16).unwrap_or_default()) / 32_768.0 - 1.0) * 0.05
        };
        let values: Vec<f32> = (0..rows * columns).map(|_| next()).collect();
        self.constants.push(Constant::matrix(name, &[rows, columns], &values));
    }
}

/// BERT's vocabulary.
const VOCABULARY: usize = 30_522;
