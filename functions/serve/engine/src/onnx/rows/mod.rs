//! Proves that the rows of a batch are independent: abstract interpretation of an ONNX graph that tracks the batch
//! dimension.
//!
//! Calls of different tenants may share a run only if each output row depends on the same input row alone. Trials prove
//! nothing: rows may interact only for large values, or in large batches. So each value is abstracted as an
//! `AbstractTensor`. It is either the same for all calls of a run, or has rows in one known dimension, each proven to
//! depend on its own row. Sizes are polynomials over symbols (`symbolic_size`), and the batch size is one of the
//! symbols. An unknown operator, or one that may mix rows, gives an unproven value. Only the network's outputs have to
//! be proven.
//!
//! The proof covers the arithmetic of the ONNX specification. Sums may be rounded in another order when more rows share
//! a run, so the last bits of an answer may differ. If that matters (`generate/`), a trial decides as well.
//!
//! Invariant: `operators/` lists each operator with the dimensions in which it keeps rows apart. An unlisted operator
//! is not proven.

mod abstract_tensor;
mod attributes;
mod constant;
mod control;
mod folding;
mod graph;
mod operator_call;
mod operators;
mod row_indices;
mod symbolic_size;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use prost::Message;

use self::abstract_tensor::{AbstractTensor, BatchAxis};
use self::graph::{AbstractValue, RowAnalysis};
use self::symbolic_size::{SymbolTable, SymbolicSize};
use super::external::text;
use super::proto::{Dimension, Graph, Model, Node, Shape, ValueInfo};
use super::{NetworkFiles, OnnxError};
use crate::tensor_spec::Dim;

/// Proves that each output row depends on the same input row alone, for each set of optional inputs that a call may
/// send. An input's first dimension is the batch.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read; the inner [`NotProven`] names the node at which the proof fails.
pub fn prove(files: &NetworkFiles) -> Result<Result<(), NotProven>, OnnxError> {
    prove_at(files, &BTreeMap::new())
}

/// [`prove`] for a network whose inputs and outputs may have the batch in another dimension, such as caches: `axes` has
/// it by name.
pub fn prove_at(files: &NetworkFiles, axes: &BTreeMap<String, usize>) -> Result<Result<(), NotProven>, OnnxError> {
    let (model, graph) = super::read::read(&files.file)?;
    let inputs = inputs(&model, &graph, axes)?;
    Ok(RowProof { files, model: &model, graph: &graph, axes }.prove(&inputs))
}

/// Why rows of different calls may not share a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotProven {
    /// The node that mixes rows: its operator, and its name or first output. `None` if no node is at fault.
    pub node: Option<String>,
    /// How it mixes rows.
    pub because: String,
}

impl NotProven {
    fn of_network(because: impl Into<String>) -> Self {
        Self { node: None, because: because.into() }
    }
}

impl fmt::Display for NotProven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "node {node} {}", self.because),
            None => f.write_str(&self.because),
        }
    }
}

/// An input of the network.
struct NetworkInput {
    name: Bytes,
    /// The batch dimension.
    axis: usize,
    /// The dimensions; `None` if their number is unknown.
    dims: Option<Vec<Dimension>>,
    /// Whether a call may omit it, because the file has a default.
    optional: bool,
}

impl Dimension {
    /// The size, if the file fixes it.
    fn fixed(&self) -> Option<i64> {
        self.value.filter(|value| *value >= 0)
    }

    /// The name, if it has one.
    fn name(&self) -> Option<String> {
        let name = String::from_utf8_lossy(self.param.as_deref().unwrap_or_default()).into_owned();
        Dim::Symbol(name).symbol().map(str::to_owned)
    }
}

/// The inputs that calls send.
fn inputs(model: &Model, graph: &Graph, axes: &BTreeMap<String, usize>) -> Result<Vec<NetworkInput>, OnnxError> {
    let not_onnx = |error: prost::DecodeError| OnnxError::NotOnnx(error.to_string());
    let defaults: BTreeSet<Bytes> = graph.initializer.iter().filter_map(constant::name).collect();
    let mut sent = Vec::new();
    for input in &graph.input {
        let ValueInfo { name, r#type } = ValueInfo::decode(input.clone()).map_err(not_onnx)?;
        let name = name.unwrap_or_default();
        let optional = defaults.contains(&name);
        // Before IR version 4, each initializer is listed among the inputs, and clients cannot send it.
        if optional && model.ir_version.unwrap_or_default() < DEFAULTS_SINCE_IR_VERSION {
            continue;
        }
        let shape = r#type.and_then(|r#type| r#type.tensor).and_then(|tensor| tensor.shape);
        let dims = shape.map(Shape::decode).transpose().map_err(not_onnx)?.map(|shape| shape.dim);
        let batch = axes.get(&text(Some(&name))).copied().unwrap_or(0);
        sent.push(NetworkInput { name, axis: batch, dims, optional });
    }
    Ok(sent)
}

/// The proof of a network.
struct RowProof<'n> {
    files: &'n NetworkFiles,
    model: &'n Model,
    graph: &'n Graph,
    axes: &'n BTreeMap<String, usize>,
}

impl RowProof<'_> {
    fn prove(&self, inputs: &[NetworkInput]) -> Result<(), NotProven> {
        check_batch_dimension(inputs)?;
        let optional: Vec<_> = inputs.iter().filter(|input| input.optional).map(|input| &input.name).collect();
        if optional.len() > MAX_OPTIONAL_INPUTS {
            let count = optional.len();
            return Err(NotProven::of_network(format!(
                "{count} inputs may be left out, more than {MAX_OPTIONAL_INPUTS}"
            )));
        }
        for sent in 0_usize..1 << optional.len() {
            let is_sent = |input: &&NetworkInput| {
                optional.iter().position(|name| **name == input.name).is_none_or(|place| sent >> place & 1 == 1)
            };
            let sent: Vec<_> = inputs.iter().filter(is_sent).collect();
            // Calls without inputs never share a run.
            if !sent.is_empty() {
                self.prove_sent(&sent)?;
            }
        }
        Ok(())
    }

    /// The proof for calls that send these inputs.
    fn prove_sent(&self, sent: &[&NetworkInput]) -> Result<(), NotProven> {
        let mut symbols = SymbolTable::new();
        let mut values = Vec::new();
        for input in sent {
            let dims = input.dims.iter().flatten().enumerate();
            let dims = dims.map(|(axis, dim)| match (axis == input.axis, dim.fixed(), dim.name()) {
                (true, _, _) => SymbolicSize::batch(),
                (_, Some(size), _) => SymbolicSize::of(size),
                // Calls of one run have this size in common, even if it has the batch's name.
                (_, None, Some(name)) => symbols.named(&name),
                (_, None, None) => symbols.any(),
            });
            let tensor =
                AbstractTensor::rows(dims.collect(), BatchAxis::whole(input.axis)).map_err(NotProven::of_network)?;
            values.push((input.name.clone(), tensor));
        }
        for (name, value) in RowAnalysis::new(self.files, self.model, symbols).run(self.graph, values) {
            self.prove_output(&text(Some(&name)), value)?;
        }
        Ok(())
    }

    fn prove_output(&self, name: &str, value: AbstractValue) -> Result<(), NotProven> {
        let axis = self.axes.get(name).copied().unwrap_or(0);
        let tensor = match value {
            AbstractValue::Known(tensor) => tensor,
            AbstractValue::Mixed(why) => return Err((*why).clone()),
            AbstractValue::Absent => return Err(NotProven::of_network(format!("output {name:?} has no value"))),
        };
        let has = match tensor.batch() {
            _ if tensor.depends_on_row_count() => {
                "values that depend on the number of rows or on their places".to_owned()
            }
            Some(batch) if batch.axis == axis && batch.is_whole() => return Ok(()),
            Some(batch) if batch.axis == axis => format!("several places for each row in its dimension {axis}"),
            Some(batch) => format!("its rows in dimension {}", batch.axis),
            None => "no rows: it is the same whatever the rows are".to_owned(),
        };
        // Name the node that computes the output.
        let makes = |node: &&Node| node.output.iter().any(|output| text(Some(output)) == name);
        let node = self.graph.node.iter().find(makes).map(graph::label);
        Err(NotProven {
            because: format!("{} output {name:?} {has}", if node.is_some() { "gives" } else { "gets" }),
            node,
        })
    }
}

/// Fails if the inputs cannot be joined along a batch dimension.
fn check_batch_dimension(inputs: &[NetworkInput]) -> Result<(), NotProven> {
    if inputs.is_empty() {
        return Err(NotProven::of_network("the network has no inputs"));
    }
    let mut batch: Option<Option<String>> = None;
    for input in inputs {
        let name = text(Some(&input.name));
        let first = match &input.dims {
            None => {
                return Err(NotProven::of_network(format!("the number of dimensions of input {name:?} is not known")));
            }
            Some(dims) => dims
                .get(input.axis)
                .ok_or_else(|| NotProven::of_network(format!("input {name:?} has no dimension {}", input.axis))),
        }?;
        if let Some(size) = first.fixed() {
            return Err(NotProven::of_network(format!(
                "dimension {} of input {name:?} has the fixed size {size}, so it is no batch",
                input.axis
            )));
        }
        let symbol = first.name();
        let same = batch.as_ref().is_none_or(|batch| symbol.is_some() && *batch == symbol);
        if !same {
            return Err(NotProven::of_network(format!(
                "the batch dimensions of the inputs do not have one name in common, such as \"batch\": that of {name:?} is {}",
                symbol.map_or_else(|| "not named".to_owned(), |symbol| format!("{symbol:?}")),
            )));
        }
        let others = input.dims.iter().flatten().enumerate().filter(|(axis, _)| *axis != input.axis);
        if let Some((axis, _)) = others.filter(|_| symbol.is_some()).find(|(_, dim)| dim.name() == symbol) {
            let because = format!("dimension {axis} of input {name:?} has the name of the batch too");
            return Err(NotProven::of_network(because));
        }
        batch = Some(symbol);
    }
    Ok(())
}

/// The IR version since which an initializer that is also an input is a default.
const DEFAULTS_SINCE_IR_VERSION: i64 = 4;
/// The largest number of optional inputs: three have eight combinations.
const MAX_OPTIONAL_INPUTS: usize = 3;
