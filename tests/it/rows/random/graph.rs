//! A network under construction, as text, with the shapes of its values.

use std::fmt::Write;

/// The size of a dimension: a product of a number, powers of the number of rows, and powers of the sequence length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dim {
    pub(super) number: i64,
    pub(super) rows: u32,
    pub(super) length: u32,
}

impl Dim {
    pub(super) const ROWS: Self = Self { number: 1, rows: 1, length: 0 };
    pub(super) const LENGTH: Self = Self { number: 1, rows: 0, length: 1 };

    pub(super) fn fixed(number: i64) -> Self {
        Self { number, rows: 0, length: 0 }
    }

    /// The number, if it is the only factor.
    pub(super) fn known(self) -> Option<i64> {
        (self.rows == 0 && self.length == 0).then_some(self.number)
    }

    pub(super) fn times(self, other: Self) -> Self {
        Self { number: self.number * other.number, rows: self.rows + other.rows, length: self.length + other.length }
    }
}

/// A value of FP32.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) shape: Vec<Dim>,
    /// Whether every way to compute it gives the same bits, so that comparisons may follow.
    pub(super) exact: bool,
}

impl Value {
    pub(super) fn rank(&self) -> usize {
        self.shape.len()
    }

    pub(super) fn axis(&self, choice: usize) -> usize {
        choice % self.rank().max(1)
    }

    pub(super) fn with(&self, axis: usize, dim: Dim) -> Vec<Dim> {
        let mut shape = self.shape.clone();
        shape[axis] = dim;
        shape
    }
}

/// How a dimension of a new shape is computed.
#[derive(Clone, Debug)]
pub(super) enum Size {
    /// The product of dimensions of the value.
    Of(Vec<usize>),
    /// A part of a dimension of the value.
    Part(usize, i64),
    /// A number.
    Number(i64),
}

/// The nodes and constants so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    nodes: String,
    constants: Vec<String>,
    names: usize,
    pub(super) values: Vec<Value>,
}

impl Graph {
    pub(super) fn input(&mut self, name: &str, shape: Vec<Dim>) {
        self.values.push(Value { name: name.to_owned(), shape, exact: true });
    }

    /// The output of the node `call`, such as `Relu(x)`.
    pub(super) fn node(&mut self, call: &str) -> String {
        self.names += 1;
        let name = format!("v{}", self.names);
        let _ = writeln!(self.nodes, "  {name} = {call}");
        name
    }

    /// The same for a node whose output can be an input of others.
    pub(super) fn value(&mut self, call: &str, shape: Vec<Dim>, exact: bool) -> Value {
        let value = Value { name: self.node(call), shape, exact };
        self.values.push(value.clone());
        value
    }

    /// The first output of a node that has two.
    #[allow(clippy::unnecessary_wraps)] // as operators give it
    pub(super) fn first_of_two(&mut self, call: &str, shape: Vec<Dim>, exact: bool) -> Option<Value> {
        let [first, second] = [1, 2].map(|at| format!("v{}", self.names + at));
        self.names += 2;
        let _ = writeln!(self.nodes, "  {first}, {second} = {call}");
        self.values.push(Value { name: first, shape, exact });
        self.values.last().cloned()
    }

    /// The second output of a node that has two.
    #[allow(clippy::unnecessary_wraps)] // as operators give it
    pub(super) fn second_of_two(&mut self, call: &str, shape: Vec<Dim>) -> Option<Value> {
        let [first, second] = [1, 2].map(|at| format!("v{}", self.names + at));
        self.names += 2;
        let _ = writeln!(self.nodes, "  {first}, {second} = {call}");
        self.values.push(Value { name: second, shape, exact: false });
        self.values.last().cloned()
    }

    /// The outputs of a node that has three.
    pub(super) fn three(&mut self, call: &str) -> (String, String, String) {
        let [first, second, third] = [1, 2, 3].map(|at| format!("v{}", self.names + at));
        self.names += 3;
        let _ = writeln!(self.nodes, "  {first}, {second}, {third} = {call}");
        (first, second, third)
    }

    pub(super) fn integers(&mut self, values: &[i64]) -> String {
        let values: Vec<_> = values.iter().map(i64::to_string).collect();
        self.constant(&format!("int64[{}]", values.len()), &values.join(", "))
    }

    pub(super) fn integer(&mut self, value: i64) -> String {
        self.constant("int64", &value.to_string())
    }

    pub(super) fn float(&mut self, value: &str) -> String {
        self.constant("float", value)
    }

    pub(super) fn zero_point(&mut self) -> String {
        self.constant("int8", "0")
    }

    /// A tensor of numbers that differ.
    pub(super) fn weights(&mut self, shape: &[i64]) -> String {
        let shape: Vec<_> = shape.iter().map(i64::to_string).collect();
        self.constant(&format!("float[{}]", shape.join(",")), "...")
    }

    fn constant(&mut self, of: &str, values: &str) -> String {
        self.names += 1;
        let name = format!("c{}", self.names);
        self.constants.push(format!("{of} {name} = {{{values}}}"));
        name
    }

    /// `INT64 [1]`: the size of a dimension.
    pub(super) fn size(&mut self, of: &Value, axis: usize) -> String {
        self.node(&format!("Shape <start = {axis}, end = {}> ({})", axis + 1, of.name))
    }

    /// `of` in another shape of the same size; `style` picks the notation of the shape.
    pub(super) fn reshape(&mut self, of: &Value, parts: &[(Dim, Size)], style: usize) -> Value {
        let shape: Vec<_> = parts.iter().map(|(dim, _)| *dim).collect();
        let open = shape.iter().filter(|dim| dim.known().is_none()).count();
        let target = if style.is_multiple_of(3) && open <= 1 {
            let numbers: Vec<_> = shape.iter().map(|dim| dim.known().unwrap_or(-1)).collect();
            self.integers(&numbers)
        } else {
            let rest = (style % 3 == 1).then_some(style / 3 % parts.len());
            self.computed(of, parts, rest)
        };
        self.value(&format!("Reshape({}, {target})", of.name), shape, of.exact)
    }

    /// The shape as a value, with -1 at `rest`.
    fn computed(&mut self, of: &Value, parts: &[(Dim, Size)], rest: Option<usize>) -> String {
        let mut sizes = Vec::new();
        for (at, (_, size)) in parts.iter().enumerate() {
            sizes.push(match size {
                _ if rest == Some(at) => self.integers(&[-1]),
                Size::Number(number) => self.integers(&[*number]),
                Size::Part(axis, by) => {
                    let (size, by) = (self.size(of, *axis), self.integers(&[*by]));
                    self.node(&format!("Div({size}, {by})"))
                }
                Size::Of(axes) => {
                    let mut product = self.size(of, axes[0]);
                    for axis in &axes[1..] {
                        let other = self.size(of, *axis);
                        product = self.node(&format!("Mul({product}, {other})"));
                    }
                    product
                }
            });
        }
        self.node(&format!("Concat <axis = 0> ({})", sizes.join(", ")))
    }

    /// The text of the network whose output `y` is `output`.
    pub(super) fn text(&self, inputs: &str, output: &Value) -> String {
        let dims = |(axis, _): (usize, &Dim)| if axis == 0 { "N".to_owned() } else { format!("d{axis}") };
        let shape: Vec<_> = output.shape.iter().enumerate().map(dims).collect();
        let constants = self.constants.join(", ");
        format!(
            "g ({inputs}) => (float[{}] y) <{constants}> {{\n{}  y = Identity({})\n}}\n{FUNCTION}",
            shape.join(","),
            self.nodes,
            output.name
        )
    }
}

const FUNCTION: &str = "<domain: \"local\"> soft <at> (a) => (b) {\n  b = Softmax <axis: int = @at> (a)\n}\n";
