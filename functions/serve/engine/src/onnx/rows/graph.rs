//! The walk over a graph, its subgraphs and its functions.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use bytes::Bytes;
use prost::Message;

use super::super::NetworkFiles;
use super::super::external::text;
use super::super::proto::{Function, Graph, Model, Node};
use super::attributes::Attributes;
use super::call::Call;
use super::size::Symbols;
use super::tensor::{Cause, Tensor};
use super::{NotProven, constant, known, operators};

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Its rows do not see one another.
    Known(Tensor),
    /// They may, for this reason.
    Mixed(Rc<NotProven>),
    /// An input of a function that its caller leaves out.
    Absent,
}

/// An analysis of a network under way.
pub(super) struct Analysis<'m> {
    pub(super) files: &'m NetworkFiles,
    pub(super) symbols: Symbols,
    functions: HashMap<(String, String, String), &'m Function>,
    operators: Rc<Operators>,
    steps: usize,
    depth: usize,
}

/// The versions of operator sets by domain.
type Operators = HashMap<String, i64>;

/// The values that nodes of a graph can name.
pub(super) struct Scope<'s> {
    pub(super) values: HashMap<Bytes, Value>,
    pub(super) outer: Option<&'s Scope<'s>>,
}

impl Scope<'_> {
    fn get(&self, name: &Bytes) -> Option<&Value> {
        self.values.get(name).or_else(|| self.outer?.get(name))
    }
}

/// What holds for all nodes of a graph or function.
#[derive(Clone)]
pub(super) struct Frame<'m> {
    operators: Rc<Operators>,
    /// The attributes that a function was called with.
    attributes: Attributes<'m>,
}

impl Frame<'_> {
    /// The version of the operator set of `domain`.
    pub(super) fn version(&self, domain: &str) -> i64 {
        self.operators.get(domain).copied().unwrap_or(0)
    }
}

impl<'m> Analysis<'m> {
    /// An analysis of a network, none of which was seen yet.
    pub(super) fn new(files: &'m NetworkFiles, model: &'m Model, symbols: Symbols) -> Self {
        let key = |function: &'m Function| {
            (domain(function.domain.as_deref()), full(function.name.as_deref()), full(function.overload.as_deref()))
        };
        let functions = model.functions.iter().map(|function| (key(function), function)).collect();
        let operators = Rc::new(operator_sets(&model.opset_import));
        Self { files, symbols, functions, operators, steps: 0, depth: 0 }
    }

    /// The outputs of the main graph by name, for these inputs.
    pub(super) fn run(mut self, graph: &'m Graph, inputs: Vec<(Bytes, Tensor)>) -> Vec<(Bytes, Value)> {
        let frame = Frame { operators: Rc::clone(&self.operators), attributes: Attributes::default() };
        let inputs = inputs.into_iter().map(|(name, tensor)| (name, Value::Known(tensor))).collect();
        let scope = Scope { values: inputs, outer: None };
        let names: Vec<_> = graph.output.iter().map(value_name).collect();
        let outputs = self.graph(graph, scope, &frame);
        names.into_iter().zip(outputs).collect()
    }

    /// The outputs of `graph`, whose inputs are in `scope`.
    pub(super) fn graph(&mut self, graph: &'m Graph, mut scope: Scope<'_>, frame: &Frame<'m>) -> Vec<Value> {
        let mut seen = HashSet::new();
        for bytes in &graph.initializer {
            let Some(name) = constant::name(bytes) else { continue };
            if !seen.insert(name.clone()) {
                // Which of them ONNX Runtime takes is not for this analysis to know.
                let because = format!("two initializers have the name {:?}", text(Some(&name)));
                scope.values.insert(name, Value::Mixed(Rc::new(NotProven::of_network(because))));
                continue;
            }
            // A call that sends an input of this name sends another value.
            let value = || Value::Known(constant::constant(bytes, self.files, &mut self.symbols));
            scope.values.entry(name).or_insert_with(value);
        }
        for sparse in &graph.sparse_initializer {
            if let Some(name) = sparse.values.first().and_then(constant::name) {
                let shape = sparse.dims.iter().map(|size| super::size::Size::of(*size)).collect();
                scope.values.insert(name, Value::Known(Tensor::shared(Some(shape))));
            }
        }
        self.nodes(&graph.node, &mut scope, frame);
        graph.output.iter().map(|output| lookup(&scope, &value_name(output))).collect()
    }

    fn nodes(&mut self, nodes: &'m [Node], scope: &mut Scope<'_>, frame: &Frame<'m>) {
        for node in nodes {
            let values = self.node(node, scope, frame);
            let values = values.into_iter().zip(&node.output);
            scope.values.extend(values.filter(|(_, name)| !name.is_empty()).map(|(value, name)| (name.clone(), value)));
        }
    }

    /// The outputs of `node`.
    fn node(&mut self, node: &'m Node, scope: &Scope<'_>, frame: &Frame<'m>) -> Vec<Value> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return mixed(node, "comes after more nodes than are followed");
        }
        let inputs: Vec<_> = node.input.iter().map(|name| (!name.is_empty()).then(|| lookup(scope, name))).collect();
        let (domain, operator) = (domain(node.domain.as_deref()), full(node.op_type.as_deref()));
        let attributes = Attributes::of(node, &frame.attributes);
        if let Some(function) =
            self.functions.get(&(domain.clone(), operator.clone(), full(node.overload.as_deref()))).copied()
        {
            // Which of both ONNX Runtime takes is not for this analysis to know.
            if operators::is_reserved(&domain) {
                return mixed(node, "is a function of the file with the name of an operator");
            }
            return self.function(node, function, inputs, attributes);
        }
        if domain.is_empty() && matches!(operator.as_str(), "If" | "Loop" | "Scan") {
            if self.depth >= MAX_DEPTH {
                return mixed(node, "is nested deeper than is followed");
            }
            self.depth += 1;
            let values = self.control(node, &operator, inputs, &attributes, scope, frame);
            self.depth -= 1;
            return values.into_iter().map(|value| labelled(value, node)).collect();
        }
        let mut known = Vec::with_capacity(inputs.len());
        for input in inputs {
            match input {
                Some(Value::Mixed(why)) => return vec![Value::Mixed(why); node.output.len()],
                Some(Value::Known(tensor)) => known.push(Some(tensor)),
                Some(Value::Absent) | None => known.push(None),
            }
        }
        let version = frame.version(&domain);
        let is_shared = known.iter().flatten().all(Tensor::is_shared);
        let mut call = Call {
            domain: &domain,
            operator: &operator,
            version,
            inputs: known,
            outputs: node.output.len(),
            attributes,
            symbols: &mut self.symbols,
        };
        let followed = match known::fold(&mut call, self.files) {
            Some(folded) => Ok(folded),
            None => operators::follow(&mut call),
        };
        match followed {
            Ok(mut tensors) => {
                let rest = Value::Mixed(why(node, "has more outputs than are followed"));
                let more = node.output.len().saturating_sub(tensors.len());
                tensors.truncate(node.output.len());
                let values = tensors.into_iter().map(Value::Known);
                values.chain(std::iter::repeat_n(rest, more)).collect()
            }
            // Whatever it does, it does the same for all calls.
            Err(_) if is_shared && !operators::is_random(&domain, &operator) => {
                vec![Value::Known(Tensor::shared(None)); node.output.len()]
            }
            Err(because) => mixed(node, because),
        }
    }

    /// The outputs of a call to a function of the file.
    fn function(
        &mut self,
        node: &'m Node,
        function: &'m Function,
        inputs: Vec<Option<Value>>,
        attributes: Attributes<'m>,
    ) -> Vec<Value> {
        if self.depth >= MAX_DEPTH {
            return mixed(node, "is nested deeper than is followed");
        }
        let given =
            inputs.into_iter().map(|input| input.unwrap_or(Value::Absent)).chain(std::iter::repeat(Value::Absent));
        let mut scope = Scope { values: function.input.iter().cloned().zip(given).collect(), outer: None };
        // ONNX Runtime runs the nodes of a function as those of the model's operator sets.
        let own = operator_sets(&function.opset_import);
        if own.iter().any(|(domain, version)| self.operators.get(domain) != Some(version)) {
            return mixed(node, "is a function of other operator sets than the model's");
        }
        let frame =
            Frame { operators: Rc::clone(&self.operators), attributes: attributes.or(&function.attribute_proto) };
        self.depth += 1;
        self.nodes(&function.node, &mut scope, &frame);
        self.depth -= 1;
        function.output.iter().map(|name| lookup(&scope, name)).collect()
    }
}

/// The value of that name. One that is not there is an input that was left out, or a fault that ONNX Runtime refuses.
fn lookup(scope: &Scope<'_>, name: &Bytes) -> Value {
    scope.get(name).cloned().unwrap_or_else(|| {
        let because = format!("the value {:?} is not there", text(Some(name)));
        Value::Mixed(Rc::new(NotProven::of_network(because)))
    })
}

/// All outputs of `node` mixed.
pub(super) fn mixed(node: &Node, because: impl Into<Cause>) -> Vec<Value> {
    vec![Value::Mixed(why(node, because)); node.output.len()]
}

fn why(node: &Node, because: impl Into<Cause>) -> Rc<NotProven> {
    Rc::new(NotProven { node: Some(label(node)), because: because.into() })
}

/// A node as its operator and its name, or its first output if it has none.
pub(super) fn label(node: &Node) -> String {
    let name = node.name.as_deref().filter(|name| !name.is_empty());
    let name = name.or_else(|| node.output.iter().find(|name| !name.is_empty()).map(|name| &name[..]));
    format!("{} {:?}", text(node.op_type.as_deref()), text(name))
}

/// `value`, with the name of `node` if it is mixed and no node was named yet.
fn labelled(value: Value, node: &Node) -> Value {
    match value {
        Value::Mixed(cause) if cause.node.is_none() => Value::Mixed(why(node, cause.because.clone())),
        value => value,
    }
}

/// The name of a `ValueInfoProto`.
pub(super) fn value_name(value: &Bytes) -> Bytes {
    super::ValueInfo::decode(value.clone()).ok().and_then(|value| value.name).unwrap_or_default()
}

/// `OperatorSetIdProto`.
#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(bytes = "bytes", optional, tag = "1")]
    domain: Option<Bytes>,
    #[prost(int64, optional, tag = "2")]
    version: Option<i64>,
}

fn operator_sets(imports: &[Bytes]) -> Operators {
    let sets = imports.iter().filter_map(|import| OperatorSet::decode(import.clone()).ok());
    sets.map(|set| (domain(set.domain.as_deref()), set.version.unwrap_or_default())).collect()
}

/// The domain of ONNX's own operators has two names.
fn domain(name: Option<&[u8]>) -> String {
    let name = full(name);
    if name == "ai.onnx" { String::new() } else { name }
}

fn full(name: Option<&[u8]>) -> String {
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// Nodes that are followed, those of a loop's body once for each time that it is followed.
const MAX_STEPS: usize = 1 << 18;
/// How deep functions and subgraphs are followed.
const MAX_DEPTH: usize = 64;
