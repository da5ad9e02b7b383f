//! Small ONNX files, encoded by hand so that no test needs another program.
//!
//! Field numbers are those of `onnx.proto`, IR version 9, operator set 17.

mod hostile;
pub mod mixing;
mod networks;
mod protobuf;
mod text;
mod types;

use amaas_wire::Datatype;

pub use self::hostile::{expand, expand_within, one_long_operator, square};
pub use self::networks::{
    add, beside, biased, count, decoder, identity, plus_one, random, running_sum, scalar, shifted, sum,
};
use self::protobuf::Message;
pub use self::text::parse;
pub use self::types::Type;

/// One dimension of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// Always this size.
    Fixed(i64),
    /// Any size, equal for each use of the symbol.
    Symbol(&'static str),
}

/// An input or output of a graph.
#[derive(Clone, Debug)]
pub struct Value(Message);

impl Value {
    /// The tensor `name`.
    pub fn new(name: &str, datatype: Datatype, shape: &[Dim]) -> Self {
        Self::of(name, &Type::tensor(element(datatype), Some(shape)))
    }

    /// The value `name` of any type.
    pub fn of(name: &str, r#type: &Type) -> Self {
        Self(Message::default().bytes(1, name).message(2, r#type.message()))
    }
}

/// A node of a graph.
#[derive(Clone, Debug)]
pub struct Node(Message);

impl Node {
    /// The operator `operator` from `inputs` to `outputs`; an empty input is omitted.
    pub fn new(operator: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        let message = inputs.iter().fold(Message::default(), |message, input| message.bytes(1, input));
        let message = outputs.iter().fold(message, |message, output| message.bytes(2, output));
        Self(message.bytes(3, format!("{operator}-{}", outputs.join("-"))).bytes(4, operator))
    }

    /// Of the operators of `domain`.
    #[must_use]
    pub fn domain(self, domain: &str) -> Self {
        Self(self.0.bytes(7, domain))
    }

    /// With a whole number.
    #[must_use]
    pub fn integer(self, name: &str, value: i64) -> Self {
        const INT: i64 = 2;
        let attribute = Message::default().bytes(1, name).integer(3, value).integer(20, INT);
        Self(self.0.message(5, &attribute))
    }

    /// With a number.
    #[must_use]
    pub fn float(self, name: &str, value: f32) -> Self {
        const FLOAT: i64 = 1;
        let attribute = Message::default().bytes(1, name).float(2, value).integer(20, FLOAT);
        Self(self.0.message(5, &attribute))
    }

    /// With a text.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        const STRING: i64 = 3;
        let attribute = Message::default().bytes(1, name).bytes(4, value).integer(20, STRING);
        Self(self.0.message(5, &attribute))
    }

    /// With whole numbers.
    #[must_use]
    pub fn integers(self, name: &str, values: &[i64]) -> Self {
        const INTS: i64 = 7;
        let attribute =
            values.iter().fold(Message::default().bytes(1, name), |message, value| message.integer(8, *value));
        Self(self.0.message(5, &attribute.integer(20, INTS)))
    }

    /// With a tensor.
    #[must_use]
    pub fn tensor(self, name: &str, tensor: &Constant) -> Self {
        const TENSOR: i64 = 4;
        let attribute = Message::default().bytes(1, name).message(5, &tensor.0).integer(20, TENSOR);
        Self(self.0.message(5, &attribute))
    }

    /// With a graph that it runs itself.
    #[must_use]
    pub fn graph(self, name: &str, graph: &Graph) -> Self {
        const GRAPH: i64 = 5;
        let attribute = Message::default().bytes(1, name).message(6, &graph.0).integer(20, GRAPH);
        Self(self.0.message(5, &attribute))
    }
}

/// A tensor that is part of the network.
#[derive(Clone, Debug)]
pub struct Constant(Message);

impl Constant {
    /// `values` in one dimension.
    pub fn floats(name: &str, values: &[f32]) -> Self {
        Self::matrix(name, &[values.len()], values)
    }

    /// `values` in the shape `shape`.
    pub fn matrix(name: &str, shape: &[usize], values: &[f32]) -> Self {
        Self::raw(name, Datatype::Fp32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// `values` in one dimension.
    pub fn integers(name: &str, values: &[i64]) -> Self {
        Self::raw(name, Datatype::Int64, &[values.len()], values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// `values` as `[1, count]`.
    pub fn row(name: &str, values: &[f32]) -> Self {
        let tensor = Self::floats(name, values).0;
        // Their sum has the order of the file.
        Self(Message::default().integer(1, 1).and(&tensor))
    }

    /// FP32 `[count]` with values in the file `file`, from the byte `offset` on.
    pub fn external(name: &str, count: i64, file: &str, offset: u64) -> Self {
        Self::external_of(name, &[count], file, offset)
    }

    /// The same in the shape `shape`.
    pub fn external_of(name: &str, shape: &[i64], file: &str, offset: u64) -> Self {
        let entry = |key: &str, value: &str| Message::default().bytes(1, key).bytes(2, value);
        let entries = [entry("location", file), entry("offset", &offset.to_string())];
        let tensor = shape.iter().fold(Message::default(), |message, size| message.integer(1, *size));
        let tensor = tensor.integer(2, element(Datatype::Fp32)).bytes(8, name);
        Self(tensor.messages(13, &entries).integer(14, 1))
    }

    fn raw(name: &str, datatype: Datatype, shape: &[usize], bytes: Vec<u8>) -> Self {
        let dims = shape.iter().map(|size| i64::try_from(*size).expect("a small file"));
        let message = dims.fold(Message::default(), |message, size| message.integer(1, size));
        Self(message.integer(2, element(datatype)).bytes(8, name).bytes(9, bytes))
    }
}

/// A network, or a part of one.
#[derive(Clone, Debug)]
pub struct Graph(Message);

impl Graph {
    /// A graph from `inputs` to `outputs`.
    pub fn new(inputs: &[Value], nodes: &[Node], constants: &[Constant], outputs: &[Value]) -> Self {
        let message = Message::default().messages(1, nodes.iter().map(|node| &node.0)).bytes(2, "graph");
        let message = message.messages(5, constants.iter().map(|constant| &constant.0));
        let message = message.messages(11, inputs.iter().map(|input| &input.0));
        Self(message.messages(12, outputs.iter().map(|output| &output.0)))
    }

    /// The bytes of an ONNX file.
    pub fn into_file(self) -> Vec<u8> {
        self.into_file_of(9, &[("", 17)])
    }

    /// The bytes of an ONNX file of that IR version, with the operators of these domains and versions.
    pub fn into_file_of(self, version: i64, operators: &[(&str, i64)]) -> Vec<u8> {
        let operators: Vec<_> = operators
            .iter()
            .map(|(domain, version)| Message::default().bytes(1, domain).integer(2, *version))
            .collect();
        let model = Message::default().integer(1, version).bytes(2, "amaas-e2e").message(7, &self.0);
        model.messages(8, &operators).into_bytes()
    }
}

/// `TensorProto.DataType`.
fn element(datatype: Datatype) -> i64 {
    match datatype {
        Datatype::Fp32 => 1,
        Datatype::Uint8 => 2,
        Datatype::Int8 => 3,
        Datatype::Uint16 => 4,
        Datatype::Int16 => 5,
        Datatype::Int32 => 6,
        Datatype::Int64 => 7,
        Datatype::Bytes => 8,
        Datatype::Bool => 9,
        Datatype::Fp16 => 10,
        Datatype::Fp64 => 11,
        Datatype::Uint32 => 12,
        Datatype::Uint64 => 13,
        Datatype::Bf16 => 16,
    }
}
