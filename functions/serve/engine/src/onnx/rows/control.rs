//! `If`, `Loop` and `Scan`: what decides has to be the same for all rows, and what one iteration hands to the next is followed until it
//! does not change any more.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::proto::{Graph, Node};
use super::NotProven;
use super::attributes::Attributes;
use super::call::axis;
use super::graph::{Analysis, Frame, Scope, Value, mixed, value_name};
use super::size::{Mark, Size, Symbols};
use super::tensor::{Batch, Cause, Tensor};

impl<'m> Analysis<'m> {
    /// The outputs of a node that runs graphs of its own.
    pub(super) fn control(
        &mut self,
        node: &'m Node,
        operator: &str,
        inputs: Vec<Option<Value>>,
        attributes: &Attributes<'m>,
        scope: &Scope<'_>,
        frame: &Frame<'m>,
    ) -> Vec<Value> {
        let outcome = match operator {
            "If" => self.branch(&inputs, attributes, scope, frame),
            "Loop" => self.repeat(inputs, attributes, scope, frame),
            _ => self.scan(node, inputs, attributes, scope, frame),
        };
        outcome.unwrap_or_else(|because| mixed(node, because))
    }

    fn branch(
        &mut self,
        inputs: &[Option<Value>],
        attributes: &Attributes<'m>,
        scope: &Scope<'_>,
        frame: &Frame<'m>,
    ) -> Result<Vec<Value>, Cause> {
        let condition = match inputs.first() {
            Some(Some(Value::Mixed(why))) => return Err(decided("which branch runs", why)),
            Some(Some(Value::Known(condition))) => condition,
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
        Ok(then.into_iter().zip(other).map(|(one, other)| merged(one, other, symbols)).collect())
    }

    fn repeat(
        &mut self,
        mut inputs: Vec<Option<Value>>,
        attributes: &Attributes<'m>,
        scope: &Scope<'_>,
        frame: &Frame<'m>,
    ) -> Result<Vec<Value>, Cause> {
        let body = attributes.graph("body").ok_or("has no body")?;
        inputs.resize(inputs.len().max(2), None);
        let states = inputs.split_off(2);
        for (decides, what) in inputs.iter().zip(["how often it runs", "whether it runs"]) {
            match decides {
                Some(Value::Mixed(why)) => return Err(decided(what, why)),
                Some(Value::Known(tensor)) if !tensor.is_shared() => return Err(format!("decides {what} by the rows")),
                _ => {}
            }
        }
        let mark = self.symbols.mark();
        let states: Vec<Value> =
            states.into_iter().map(|state| state.ok_or("leaves a state out")).collect::<Result<_, _>>()?;
        let count = states.len();
        let (states, mut outputs) = self.settle(states, |analysis, states| {
            let given =
                [Value::Known(Tensor::shared(Some(Vec::new()))), Value::Known(Tensor::shared(Some(Vec::new())))];
            analysis.body(body, given.into_iter().chain(states.iter().cloned()), scope, frame, 1)
        })?;
        match outputs.condition {
            Some(Value::Known(condition)) if condition.is_shared() => {}
            Some(Value::Mixed(why)) => return Err(decided("whether it runs again", &why)),
            _ => return Err("decides whether it runs again by the rows".to_owned()),
        }
        let scanned = outputs.values.split_off(count.min(outputs.values.len()));
        let times = self.symbols.any();
        let symbols = &mut self.symbols;
        let mut all: Vec<Value> = states.into_iter().map(|state| after(state, mark, symbols)).collect();
        all.extend(scanned.into_iter().map(|value| stacked(after(value, mark, symbols), 0, &times)));
        Ok(all)
    }

    fn scan(
        &mut self,
        node: &'m Node,
        inputs: Vec<Option<Value>>,
        attributes: &Attributes<'m>,
        scope: &Scope<'_>,
        frame: &Frame<'m>,
    ) -> Result<Vec<Value>, Cause> {
        let body = attributes.graph("body").ok_or("has no body")?;
        if frame.version("") < SCAN_WITHOUT_BATCH {
            return Err("is of an operator set in which Scan has a batch of its own".to_owned());
        }
        let count = attributes.integer("num_scan_inputs").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let mut states: Vec<Value> =
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
        let (states, mut outputs) = self.settle(states, |analysis, states| {
            analysis.body(body, states.iter().chain(&elements).cloned(), scope, frame, 0)
        })?;
        let stacked_values = outputs.values.split_off(held.min(outputs.values.len()));
        let axes = attributes.integers("scan_output_axes").unwrap_or_default();
        let symbols = &mut self.symbols;
        let mut all: Vec<Value> = states.into_iter().map(|state| after(state, mark, symbols)).collect();
        for (place, value) in stacked_values.into_iter().enumerate() {
            all.push(stacked(after(value, mark, symbols), axes.get(place).copied().unwrap_or(0), &times));
        }
        all.truncate(node.output.len());
        Ok(all)
    }

    /// Follows the body of a loop until its states do not change any more; the states, which hold before and after every iteration, and
    /// what the body gives for them.
    fn settle(
        &mut self,
        mut states: Vec<Value>,
        mut body: impl FnMut(&mut Self, &[Value]) -> Result<Iteration, Cause>,
    ) -> Result<(Vec<Value>, Iteration), Cause> {
        let mark = self.symbols.mark();
        for state in &mut states {
            // Numbers change from one iteration to the next.
            if let Value::Known(tensor) = state {
                if tensor.counts_rows() {
                    return Err("carries the number of rows from one iteration to the next".to_owned());
                }
                *tensor = tensor.without_values();
            }
        }
        for _ in 0..MAX_ITERATIONS {
            let given = body(self, &states)?;
            if given.values.len() < states.len() {
                return Err("has a body with too few outputs".to_owned());
            }
            let mut next = Vec::with_capacity(states.len());
            for (state, value) in states.iter().zip(&given.values) {
                next.push(widened(state, value, mark, &mut self.symbols));
            }
            if next == states {
                return Ok((states, given));
            }
            states = next;
        }
        Err("has states that do not settle".to_owned())
    }

    /// What a body gives for `inputs`: the first `conditions` of its outputs decide whether it runs again.
    fn body(
        &mut self,
        graph: &'m Graph,
        inputs: impl Iterator<Item = Value>,
        scope: &Scope<'_>,
        frame: &Frame<'m>,
        conditions: usize,
    ) -> Result<Iteration, Cause> {
        let values: HashMap<_, _> = graph.input.iter().map(value_name).zip(inputs).collect();
        let mut outputs = self.graph(graph, Scope { values, outer: Some(scope) }, frame);
        if outputs.len() < conditions {
            return Err("has a body with too few outputs".to_owned());
        }
        let values = outputs.split_off(conditions);
        Ok(Iteration { condition: outputs.pop(), values })
    }
}

/// What a loop's body gives.
struct Iteration {
    condition: Option<Value>,
    values: Vec<Value>,
}

fn inner<'s>(scope: &'s Scope<'s>) -> Scope<'s> {
    Scope { values: HashMap::new(), outer: Some(scope) }
}

fn decided(what: &str, why: &NotProven) -> Cause {
    format!("decides {what} by a value in which rows meet ({why})")
}

/// What holds of a value that is one or the other.
fn merged(one: Value, other: Value, symbols: &mut Symbols) -> Value {
    match (one, other) {
        (Value::Known(one), Value::Known(other)) if one == other => Value::Known(one),
        (Value::Known(one), Value::Known(other)) => union(&one, &other, |_, symbols| symbols.any(), symbols),
        (Value::Mixed(why), _) | (_, Value::Mixed(why)) => Value::Mixed(why),
        (Value::Absent, _) | (_, Value::Absent) => failed("a value is missing in one branch"),
    }
}

/// What holds of a state before an iteration and after it. A size that changes becomes a symbol, which stands for whatever it is before an
/// iteration; symbols that were made before `mark` do not.
fn widened(state: &Value, next: &Value, mark: Mark, symbols: &mut Symbols) -> Value {
    let differing = |size: &Size, symbols: &mut Symbols| if size.is_newer(mark) { size.clone() } else { symbols.any() };
    match (state, next) {
        (Value::Known(one), Value::Known(other)) => union(one, other, differing, symbols),
        (Value::Mixed(why), _) | (_, Value::Mixed(why)) => Value::Mixed(Rc::clone(why)),
        (Value::Absent, _) | (_, Value::Absent) => failed("a state of a loop is missing"),
    }
}

fn failed(because: &str) -> Value {
    Value::Mixed(Rc::new(NotProven::of_network(because)))
}

fn union(
    one: &Tensor,
    other: &Tensor,
    mut differing: impl FnMut(&Size, &mut Symbols) -> Size,
    symbols: &mut Symbols,
) -> Value {
    if one.counts_rows() || other.counts_rows() {
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
    match Tensor::of(shape, one.batch().cloned()) {
        Ok(tensor) => Value::Known(tensor),
        Err(because) => failed(&because),
    }
}

/// A value after a loop: sizes that were made in it are those of its last iteration, which are others than in its body.
fn after(value: Value, mark: Mark, symbols: &mut Symbols) -> Value {
    let Value::Known(tensor) = value else { return value };
    if tensor.counts_rows() {
        return failed("a value of a loop depends on the number of rows");
    }
    let Some(shape) = tensor.shape() else { return Value::Known(tensor.without_values()) };
    if tensor.batch().is_some_and(|batch| batch.outer.is_newer(mark) || batch.inner.is_newer(mark)) {
        let because = "the rows of a loop's state lie in a dimension whose size changes";
        return Value::Mixed(Rc::new(NotProven::of_network(because)));
    }
    let shape = shape.iter().map(|size| if size.is_newer(mark) { symbols.any() } else { size.clone() }).collect();
    match Tensor::of(Some(shape), tensor.batch().cloned()) {
        Ok(tensor) => Value::Known(tensor),
        Err(because) => Value::Mixed(Rc::new(NotProven::of_network(because))),
    }
}

/// Values of all iterations as one, along a new dimension.
fn stacked(value: Value, along: i64, times: &Size) -> Value {
    let Value::Known(tensor) = value else { return value };
    let stack = || {
        let Some(shape) = tensor.shape() else { return Tensor::of(None, tensor.batch().cloned()) };
        let place = axis(along, shape.len() + 1)?;
        let mut shape = shape.to_vec();
        shape.insert(place, times.clone());
        Tensor::of(Some(shape), tensor.batch().map(|batch| batch.at(batch.axis + usize::from(batch.axis >= place))))
    };
    stack().map_or_else(|because| Value::Mixed(Rc::new(NotProven::of_network(because))), Value::Known)
}

/// What an iteration of `Scan` sees of `value`, and how many iterations there are.
fn element(value: Value, along: i64) -> Result<(Value, Option<Size>), Cause> {
    let Value::Known(tensor) = value else { return Ok((value, None)) };
    if tensor.counts_rows() {
        return Err("iterates over the number of rows".to_owned());
    }
    let Some(shape) = tensor.shape() else { return Ok((Value::Known(tensor.without_values()), None)) };
    let place = axis(along, shape.len())?;
    if tensor.batch().is_some_and(|batch| batch.axis == place) {
        return Err("iterates over the rows".to_owned());
    }
    let mut shape = shape.to_vec();
    let times = shape.remove(place);
    let batch: Option<Batch> = tensor.batch().map(|batch| batch.at(batch.axis - usize::from(batch.axis > place)));
    Ok((Value::Known(Tensor::of(Some(shape), batch)?), Some(times)))
}

/// The operator set since which `Scan` has no batch of its own.
const SCAN_WITHOUT_BATCH: i64 = 9;
/// A state's dimensions become symbols one after another.
const MAX_ITERATIONS: usize = 12;
