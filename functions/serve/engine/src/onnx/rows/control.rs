//! `If`, `Loop` and `Scan`: their conditions have to be the same for all rows, and the states of a loop are interpreted
//! up to a fixed point.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::proto::{Graph, Node};
use super::NotProven;
use super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::attributes::NodeAttributes;
use super::graph::{AbstractValue, GraphFrame, RowAnalysis, ValueScope, mark_mixed, value_name};
use super::operator_call::axis;
use super::symbolic_size::{SymbolMark, SymbolTable, SymbolicSize};

impl<'m> RowAnalysis<'m> {
    /// The outputs of a control-flow node.
    pub(super) fn control(
        &mut self,
        node: &'m Node,
        operator: &str,
        inputs: Vec<Option<AbstractValue>>,
        attributes: &NodeAttributes<'m>,
        scope: &ValueScope<'_>,
        frame: &GraphFrame<'m>,
    ) -> Vec<AbstractValue> {
        let outcome = match operator {
            "If" => self.branch(&inputs, attributes, scope, frame),
            "Loop" => self.repeat(inputs, attributes, scope, frame),
            _ => self.scan(node, inputs, attributes, scope, frame),
        };
        outcome.unwrap_or_else(|because| mark_mixed(node, because))
    }

    fn branch(
        &mut self,
        inputs: &[Option<AbstractValue>],
        attributes: &NodeAttributes<'m>,
        scope: &ValueScope<'_>,
        frame: &GraphFrame<'m>,
    ) -> Result<Vec<AbstractValue>, FailureCause> {
        let condition = match inputs.first() {
            Some(Some(AbstractValue::Mixed(why))) => return Err(mixed_condition("which branch runs", why)),
            Some(Some(AbstractValue::Known(condition))) => condition,
            _ => return Err("has no condition".to_owned()),
        };
        let branches = ["then_branch", "else_branch"].map(|name| attributes.graph(name));
        let [Some(then), Some(other)] = branches else { return Err("has no branches".to_owned()) };
        let mut run = |graph| self.graph(graph, inner(scope), frame);
        match condition.constants().as_deref() {
            Some([0]) => return Ok(run(other)),
            Some([_]) => return Ok(run(then)),
            _ => {}
        }
        if !condition.is_shared() {
            return Err("chooses a branch by the rows".to_owned());
        }
        let (then, other) = (run(then), run(other));
        let symbols = &mut self.symbols;
        Ok(then.into_iter().zip(other).map(|(one, other)| join(one, other, symbols)).collect())
    }

    fn repeat(
        &mut self,
        mut inputs: Vec<Option<AbstractValue>>,
        attributes: &NodeAttributes<'m>,
        scope: &ValueScope<'_>,
        frame: &GraphFrame<'m>,
    ) -> Result<Vec<AbstractValue>, FailureCause> {
        let body = attributes.graph("body").ok_or("has no body")?;
        inputs.resize(inputs.len().max(2), None);
        let states = inputs.split_off(2);
        for (decides, what) in inputs.iter().zip(["how often it runs", "whether it runs"]) {
            match decides {
                Some(AbstractValue::Mixed(why)) => return Err(mixed_condition(what, why)),
                Some(AbstractValue::Known(tensor)) if !tensor.is_shared() => {
                    return Err(format!("decides {what} by the rows"));
                }
                _ => {}
            }
        }
        let mark = self.symbols.mark();
        let states: Vec<AbstractValue> =
            states.into_iter().map(|state| state.ok_or("leaves a state out")).collect::<Result<_, _>>()?;
        let count = states.len();
        let (states, mut outputs) = self.find_fixed_point(states, |analysis, states| {
            let given = [
                AbstractValue::Known(AbstractTensor::shared(Some(Vec::new()))),
                AbstractValue::Known(AbstractTensor::shared(Some(Vec::new()))),
            ];
            analysis.body(body, given.into_iter().chain(states.iter().cloned()), scope, frame, 1)
        })?;
        match outputs.condition {
            Some(AbstractValue::Known(condition)) if condition.is_shared() => {}
            Some(AbstractValue::Mixed(why)) => return Err(mixed_condition("whether it runs again", &why)),
            _ => return Err("decides whether it runs again by the rows".to_owned()),
        }
        let scanned = outputs.values.split_off(count.min(outputs.values.len()));
        let times = self.symbols.any();
        let symbols = &mut self.symbols;
        let mut all: Vec<AbstractValue> = states.into_iter().map(|state| after(state, mark, symbols)).collect();
        all.extend(scanned.into_iter().map(|value| stacked(after(value, mark, symbols), 0, &times)));
        Ok(all)
    }

    fn scan(
        &mut self,
        node: &'m Node,
        inputs: Vec<Option<AbstractValue>>,
        attributes: &NodeAttributes<'m>,
        scope: &ValueScope<'_>,
        frame: &GraphFrame<'m>,
    ) -> Result<Vec<AbstractValue>, FailureCause> {
        let body = attributes.graph("body").ok_or("has no body")?;
        if frame.version("") < SCAN_WITHOUT_BATCH {
            return Err("is of an operator set in which Scan has a batch of its own".to_owned());
        }
        let count = attributes.integer("num_scan_inputs").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let mut states: Vec<AbstractValue> =
            inputs.into_iter().map(|input| input.ok_or("leaves an input out")).collect::<Result<_, _>>()?;
        let scanned = states.split_off(states.len().checked_sub(count).ok_or("has too few inputs")?);
        let axes = attributes.integers("scan_input_axes").unwrap_or_default();
        let mark = self.symbols.mark();
        let (mut elements, mut times) = (Vec::new(), self.symbols.any());
        for (place, value) in scanned.into_iter().enumerate() {
            let (element, size) = element(value, axes.get(place).copied().unwrap_or(0))?;
            times = size.unwrap_or(times);
            elements.push(element);
        }
        let held = states.len();
        let (states, mut outputs) = self.find_fixed_point(states, |analysis, states| {
            analysis.body(body, states.iter().chain(&elements).cloned(), scope, frame, 0)
        })?;
        let stacked_values = outputs.values.split_off(held.min(outputs.values.len()));
        let axes = attributes.integers("scan_output_axes").unwrap_or_default();
        let symbols = &mut self.symbols;
        let mut all: Vec<AbstractValue> = states.into_iter().map(|state| after(state, mark, symbols)).collect();
        for (place, value) in stacked_values.into_iter().enumerate() {
            all.push(stacked(after(value, mark, symbols), axes.get(place).copied().unwrap_or(0), &times));
        }
        all.truncate(node.output.len());
        Ok(all)
    }

    /// Interprets the body of a loop up to a fixed point of its states, which holds before and after every iteration.
    /// Returns the states and the body's outputs for them.
    fn find_fixed_point(
        &mut self,
        mut states: Vec<AbstractValue>,
        mut body: impl FnMut(&mut Self, &[AbstractValue]) -> Result<LoopIteration, FailureCause>,
    ) -> Result<(Vec<AbstractValue>, LoopIteration), FailureCause> {
        let mark = self.symbols.mark();
        for state in &mut states {
            // Known values may change in each iteration.
            if let AbstractValue::Known(tensor) = state {
                if tensor.depends_on_row_count() {
                    return Err("carries the number of rows from one iteration to the next".to_owned());
                }
                *tensor = tensor.without_values();
            }
        }
        for _ in 0..MAX_FIXED_POINT_ITERATIONS {
            let given = body(self, &states)?;
            if given.values.len() < states.len() {
                return Err("has a body with too few outputs".to_owned());
            }
            let mut next = Vec::with_capacity(states.len());
            for (state, value) in states.iter().zip(&given.values) {
                next.push(widen(state, value, mark, &mut self.symbols));
            }
            if next == states {
                return Ok((states, given));
            }
            states = next;
        }
        Err("has states that do not settle".to_owned())
    }

    /// The outputs of a body for `inputs`; the first `conditions` of them decide whether it runs again.
    fn body(
        &mut self,
        graph: &'m Graph,
        inputs: impl Iterator<Item = AbstractValue>,
        scope: &ValueScope<'_>,
        frame: &GraphFrame<'m>,
        conditions: usize,
    ) -> Result<LoopIteration, FailureCause> {
        let values: HashMap<_, _> = graph.input.iter().map(value_name).zip(inputs).collect();
        let mut outputs = self.graph(graph, ValueScope { values, outer: Some(scope) }, frame);
        if outputs.len() < conditions {
            return Err("has a body with too few outputs".to_owned());
        }
        let values = outputs.split_off(conditions);
        Ok(LoopIteration { condition: outputs.pop(), values })
    }
}

/// The outputs of one iteration.
struct LoopIteration {
    condition: Option<AbstractValue>,
    values: Vec<AbstractValue>,
}

fn inner<'s>(scope: &'s ValueScope<'s>) -> ValueScope<'s> {
    ValueScope { values: HashMap::new(), outer: Some(scope) }
}

fn mixed_condition(what: &str, why: &NotProven) -> FailureCause {
    format!("decides {what} by a value in which rows meet ({why})")
}

/// The join of the values of two branches.
fn join(one: AbstractValue, other: AbstractValue, symbols: &mut SymbolTable) -> AbstractValue {
    match (one, other) {
        (AbstractValue::Known(one), AbstractValue::Known(other)) if one == other => AbstractValue::Known(one),
        (AbstractValue::Known(one), AbstractValue::Known(other)) => {
            union(&one, &other, |_, symbols| symbols.any(), symbols)
        }
        (AbstractValue::Mixed(why), _) | (_, AbstractValue::Mixed(why)) => AbstractValue::Mixed(why),
        (AbstractValue::Absent, _) | (_, AbstractValue::Absent) => failed("a value is missing in one branch"),
    }
}

/// Widens a state to hold before and after an iteration. A size that changes becomes a new symbol. Symbols created
/// before `mark` do not change.
fn widen(state: &AbstractValue, next: &AbstractValue, mark: SymbolMark, symbols: &mut SymbolTable) -> AbstractValue {
    let differing =
        |size: &SymbolicSize, symbols: &mut SymbolTable| if size.is_newer(mark) { size.clone() } else { symbols.any() };
    match (state, next) {
        (AbstractValue::Known(one), AbstractValue::Known(other)) => union(one, other, differing, symbols),
        (AbstractValue::Mixed(why), _) | (_, AbstractValue::Mixed(why)) => AbstractValue::Mixed(Rc::clone(why)),
        (AbstractValue::Absent, _) | (_, AbstractValue::Absent) => failed("a state of a loop is missing"),
    }
}

fn failed(because: &str) -> AbstractValue {
    AbstractValue::Mixed(Rc::new(NotProven::of_network(because)))
}

fn union(
    one: &AbstractTensor,
    other: &AbstractTensor,
    mut differing: impl FnMut(&SymbolicSize, &mut SymbolTable) -> SymbolicSize,
    symbols: &mut SymbolTable,
) -> AbstractValue {
    if one.depends_on_row_count() || other.depends_on_row_count() {
        return failed("a value depends on the number of rows in one branch or iteration");
    }
    if one.batch() != other.batch() {
        return failed("a value has its rows elsewhere in another branch or iteration");
    }
    let shape = match (one.shape(), other.shape()) {
        (Some(shape), Some(others)) if shape.len() == others.len() => {
            let sizes = shape.iter().zip(others);
            Some(sizes.map(|(one, other)| if one == other { one.clone() } else { differing(one, symbols) }).collect())
        }
        _ => None,
    };
    match AbstractTensor::of(shape, one.batch().cloned()) {
        Ok(tensor) => AbstractValue::Known(tensor),
        Err(because) => failed(&because),
    }
}

/// A value after a loop. Sizes created in its body have the values of the last iteration, so they become new symbols.
fn after(value: AbstractValue, mark: SymbolMark, symbols: &mut SymbolTable) -> AbstractValue {
    let AbstractValue::Known(tensor) = value else { return value };
    if tensor.depends_on_row_count() {
        return failed("a value of a loop depends on the number of rows");
    }
    let Some(shape) = tensor.shape() else { return AbstractValue::Known(tensor.without_values()) };
    if tensor.batch().is_some_and(|batch| batch.outer.is_newer(mark) || batch.inner.is_newer(mark)) {
        let because = "the rows of a loop's state lie in a dimension whose size changes";
        return AbstractValue::Mixed(Rc::new(NotProven::of_network(because)));
    }
    let shape = shape.iter().map(|size| if size.is_newer(mark) { symbols.any() } else { size.clone() }).collect();
    match AbstractTensor::of(Some(shape), tensor.batch().cloned()) {
        Ok(tensor) => AbstractValue::Known(tensor),
        Err(because) => AbstractValue::Mixed(Rc::new(NotProven::of_network(because))),
    }
}

/// The values of all iterations, stacked along a new dimension.
fn stacked(value: AbstractValue, along: i64, times: &SymbolicSize) -> AbstractValue {
    let AbstractValue::Known(tensor) = value else { return value };
    let stack = || {
        let Some(shape) = tensor.shape() else { return AbstractTensor::of(None, tensor.batch().cloned()) };
        let place = axis(along, shape.len() + 1)?;
        let mut shape = shape.to_vec();
        shape.insert(place, times.clone());
        AbstractTensor::of(
            Some(shape),
            tensor.batch().map(|batch| batch.at(batch.axis + usize::from(batch.axis >= place))),
        )
    };
    stack().map_or_else(|because| AbstractValue::Mixed(Rc::new(NotProven::of_network(because))), AbstractValue::Known)
}

/// The slice of `value` in one iteration of `Scan`, and the number of iterations.
fn element(value: AbstractValue, along: i64) -> Result<(AbstractValue, Option<SymbolicSize>), FailureCause> {
    let AbstractValue::Known(tensor) = value else { return Ok((value, None)) };
    if tensor.depends_on_row_count() {
        return Err("iterates over the number of rows".to_owned());
    }
    let Some(shape) = tensor.shape() else { return Ok((AbstractValue::Known(tensor.without_values()), None)) };
    let place = axis(along, shape.len())?;
    if tensor.batch().is_some_and(|batch| batch.axis == place) {
        return Err("iterates over the rows".to_owned());
    }
    let mut shape = shape.to_vec();
    let times = shape.remove(place);
    let batch: Option<BatchAxis> = tensor.batch().map(|batch| batch.at(batch.axis - usize::from(batch.axis > place)));
    Ok((AbstractValue::Known(AbstractTensor::of(Some(shape), batch)?), Some(times)))
}

/// The operator set since which `Scan` has no batch dimension of its own.
const SCAN_WITHOUT_BATCH: i64 = 9;
/// Enough iterations to widen each dimension of a state.
const MAX_FIXED_POINT_ITERATIONS: usize = 12;
