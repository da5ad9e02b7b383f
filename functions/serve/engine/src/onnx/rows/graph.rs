//! The abstract interpreter of a graph, its subgraphs and its functions.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use bytes::Bytes;
use prost::Message;

use super::super::NetworkFiles;
use super::super::external::text;
use super::super::proto::{Function, Graph, Model, Node};
use super::abstract_tensor::{AbstractTensor, FailureCause};
use super::attributes::NodeAttributes;
use super::operator_call::OperatorCall;
use super::symbolic_size::SymbolTable;
use super::{NotProven, constant, folding, operators};

/// The abstract value of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AbstractValue {
    /// Its rows are independent.
    Known(AbstractTensor),
    /// Its rows may depend on each other, for this reason.
    Mixed(Rc<NotProven>),
    /// An omitted input of a function.
    Absent,
}

/// The state of the analysis of a network.
pub(super) struct RowAnalysis<'m> {
    pub(super) files: &'m NetworkFiles,
    pub(super) symbols: SymbolTable,
    functions: HashMap<(String, String, String), &'m Function>,
    operators: Rc<OperatorSets>,
    steps: usize,
    depth: usize,
}

/// The versions of operator sets by domain.
type OperatorSets = HashMap<String, i64>;

/// The values visible to the nodes of a graph.
pub(super) struct ValueScope<'s> {
    pub(super) values: HashMap<Bytes, AbstractValue>,
    pub(super) outer: Option<&'s ValueScope<'s>>,
}

impl ValueScope<'_> {
    fn get(&self, name: &Bytes) -> Option<&AbstractValue> {
        self.values.get(name).or_else(|| self.outer?.get(name))
    }
}

/// The context of all nodes of a graph or function.
#[derive(Clone)]
pub(super) struct GraphFrame<'m> {
    operators: Rc<OperatorSets>,
    /// The attributes of the function's call.
    attributes: NodeAttributes<'m>,
}

impl GraphFrame<'_> {
    /// The version of the operator set of `domain`.
    pub(super) fn version(&self, domain: &str) -> i64 {
        self.operators.get(domain).copied().unwrap_or(0)
    }
}

impl<'m> RowAnalysis<'m> {
    /// Starts the analysis of a network.
    pub(super) fn new(files: &'m NetworkFiles, model: &'m Model, symbols: SymbolTable) -> Self {
        let key = |function: &'m Function| {
            (domain(function.domain.as_deref()), full(function.name.as_deref()), full(function.overload.as_deref()))
        };
        let functions = model.functions.iter().map(|function| (key(function), function)).collect();
        let operators = Rc::new(operator_sets(&model.opset_import));
        Self { files, symbols, functions, operators, steps: 0, depth: 0 }
    }

    /// The outputs of the main graph, by name.
    pub(super) fn run(mut self, graph: &'m Graph, inputs: Vec<(Bytes, AbstractTensor)>) -> Vec<(Bytes, AbstractValue)> {
        let frame = GraphFrame { operators: Rc::clone(&self.operators), attributes: NodeAttributes::default() };
        let inputs = inputs.into_iter().map(|(name, tensor)| (name, AbstractValue::Known(tensor))).collect();
        let scope = ValueScope { values: inputs, outer: None };
        let names: Vec<_> = graph.output.iter().map(value_name).collect();
        let outputs = self.graph(graph, scope, &frame);
        names.into_iter().zip(outputs).collect()
    }

    /// The outputs of `graph`, whose inputs are in `scope`.
    pub(super) fn graph(
        &mut self,
        graph: &'m Graph,
        mut scope: ValueScope<'_>,
        frame: &GraphFrame<'m>,
    ) -> Vec<AbstractValue> {
        let mut seen = HashSet::new();
        for bytes in &graph.initializer {
            let Some(name) = constant::name(bytes) else { continue };
            if !seen.insert(name.clone()) {
                // It is undefined which of them ONNX Runtime uses.
                let because = format!("two initializers have the name {:?}", text(Some(&name)));
                scope.values.insert(name, AbstractValue::Mixed(Rc::new(NotProven::of_network(because))));
                continue;
            }
            // An input of this name overrides the initializer.
            let value = || AbstractValue::Known(constant::constant(bytes, self.files, &mut self.symbols));
            scope.values.entry(name).or_insert_with(value);
        }
        for sparse in &graph.sparse_initializer {
            if let Some(name) = sparse.values.first().and_then(constant::name) {
                let shape = sparse.dims.iter().map(|size| super::symbolic_size::SymbolicSize::of(*size)).collect();
                scope.values.insert(name, AbstractValue::Known(AbstractTensor::shared(Some(shape))));
            }
        }
        self.nodes(&graph.node, &mut scope, frame);
        graph.output.iter().map(|output| lookup(&scope, &value_name(output))).collect()
    }

    fn nodes(&mut self, nodes: &'m [Node], scope: &mut ValueScope<'_>, frame: &GraphFrame<'m>) {
        for node in nodes {
            let values = self.node(node, scope, frame);
            let values = values.into_iter().zip(&node.output);
            scope.values.extend(values.filter(|(_, name)| !name.is_empty()).map(|(value, name)| (name.clone(), value)));
        }
    }

    /// The outputs of `node`.
    fn node(&mut self, node: &'m Node, scope: &ValueScope<'_>, frame: &GraphFrame<'m>) -> Vec<AbstractValue> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return mark_mixed(node, "comes after more nodes than are followed");
        }
        let inputs: Vec<_> = node.input.iter().map(|name| (!name.is_empty()).then(|| lookup(scope, name))).collect();
        let (domain, operator) = (domain(node.domain.as_deref()), full(node.op_type.as_deref()));
        let attributes = NodeAttributes::of(node, &frame.attributes);
        if let Some(function) =
            self.functions.get(&(domain.clone(), operator.clone(), full(node.overload.as_deref()))).copied()
        {
            // It is undefined which of both ONNX Runtime uses.
            if operators::is_reserved(&domain) {
                return mark_mixed(node, "is a function of the file with the name of an operator");
            }
            return self.function(node, function, inputs, attributes);
        }
        if domain.is_empty() && matches!(operator.as_str(), "If" | "Loop" | "Scan") {
            if self.depth >= MAX_DEPTH {
                return mark_mixed(node, "is nested deeper than is followed");
            }
            self.depth += 1;
            let values = self.control(node, &operator, inputs, &attributes, scope, frame);
            self.depth -= 1;
            return values.into_iter().map(|value| labelled(value, node)).collect();
        }
        let mut known = Vec::with_capacity(inputs.len());
        for input in inputs {
            match input {
                Some(AbstractValue::Mixed(not_proven)) => {
                    return vec![AbstractValue::Mixed(not_proven); node.output.len()];
                }
                Some(AbstractValue::Known(tensor)) => known.push(Some(tensor)),
                Some(AbstractValue::Absent) | None => known.push(None),
            }
        }
        let version = frame.version(&domain);
        let is_shared = known.iter().flatten().all(AbstractTensor::is_shared);
        let mut call = OperatorCall {
            domain: &domain,
            operator: &operator,
            version,
            inputs: known,
            outputs: node.output.len(),
            attributes,
            symbols: &mut self.symbols,
        };
        let interpreted = match folding::fold(&mut call, self.files) {
            Some(folded) => Ok(folded),
            None => operators::interpret(&mut call),
        };
        match interpreted {
            Ok(mut tensors) => {
                let rest = AbstractValue::Mixed(not_proven(node, "has more outputs than are followed"));
                let more = node.output.len().saturating_sub(tensors.len());
                tensors.truncate(node.output.len());
                let values = tensors.into_iter().map(AbstractValue::Known);
                values.chain(std::iter::repeat_n(rest, more)).collect()
            }
            // An unknown operator on shared inputs gives the same outputs for all calls.
            Err(_) if is_shared && !operators::is_random(&domain, &operator) => {
                vec![AbstractValue::Known(AbstractTensor::shared(None)); node.output.len()]
            }
            Err(because) => mark_mixed(node, because),
        }
    }

    /// The outputs of a call of a function in the file.
    fn function(
        &mut self,
        node: &'m Node,
        function: &'m Function,
        inputs: Vec<Option<AbstractValue>>,
        attributes: NodeAttributes<'m>,
    ) -> Vec<AbstractValue> {
        if self.depth >= MAX_DEPTH {
            return mark_mixed(node, "is nested deeper than is followed");
        }
        let given = inputs
            .into_iter()
            .map(|input| input.unwrap_or(AbstractValue::Absent))
            .chain(std::iter::repeat(AbstractValue::Absent));
        let mut scope = ValueScope { values: function.input.iter().cloned().zip(given).collect(), outer: None };
        // ONNX Runtime uses the model's operator sets for the nodes of a function.
        let own = operator_sets(&function.opset_import);
        if own.iter().any(|(domain, version)| self.operators.get(domain) != Some(version)) {
            return mark_mixed(node, "is a function of other operator sets than the model's");
        }
        let frame = GraphFrame {
            operators: Rc::clone(&self.operators),
            attributes: attributes.with_defaults(&function.attribute_proto),
        };
        self.depth += 1;
        self.nodes(&function.node, &mut scope, &frame);
        self.depth -= 1;
        function.output.iter().map(|name| lookup(&scope, name)).collect()
    }
}

/// The value of that name. A missing one is an omitted input, or an error that ONNX Runtime refuses.
fn lookup(scope: &ValueScope<'_>, name: &Bytes) -> AbstractValue {
    scope.get(name).cloned().unwrap_or_else(|| {
        let because = format!("the value {:?} is not there", text(Some(name)));
        AbstractValue::Mixed(Rc::new(NotProven::of_network(because)))
    })
}

/// Marks all outputs of `node` as mixed.
pub(super) fn mark_mixed(node: &Node, because: impl Into<FailureCause>) -> Vec<AbstractValue> {
    vec![AbstractValue::Mixed(not_proven(node, because)); node.output.len()]
}

fn not_proven(node: &Node, because: impl Into<FailureCause>) -> Rc<NotProven> {
    Rc::new(NotProven { node: Some(label(node)), because: because.into() })
}

/// The label of a node: its operator, and its name or first output.
pub(super) fn label(node: &Node) -> String {
    let name = node.name.as_deref().filter(|name| !name.is_empty());
    let name = name.or_else(|| node.output.iter().find(|name| !name.is_empty()).map(|name| &name[..]));
    format!("{} {:?}", text(node.op_type.as_deref()), text(name))
}

/// Adds the name of `node` to a mixed value without a node.
fn labelled(value: AbstractValue, node: &Node) -> AbstractValue {
    match value {
        AbstractValue::Mixed(cause) if cause.node.is_none() => {
            AbstractValue::Mixed(not_proven(node, cause.because.clone()))
        }
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

fn operator_sets(imports: &[Bytes]) -> OperatorSets {
    let sets = imports.iter().filter_map(|import| OperatorSet::decode(import.clone()).ok());
    sets.map(|set| (domain(set.domain.as_deref()), set.version.unwrap_or_default())).collect()
}

/// ONNX's own domain has two names.
fn domain(name: Option<&[u8]>) -> String {
    let name = full(name);
    if name == "ai.onnx" { String::new() } else { name }
}

fn full(name: Option<&[u8]>) -> String {
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// The largest number of interpreted nodes; those of a loop's body count in each iteration.
const MAX_STEPS: usize = 1 << 18;
/// The largest depth of functions and subgraphs.
const MAX_DEPTH: usize = 64;
