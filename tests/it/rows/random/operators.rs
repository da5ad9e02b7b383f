//! The operators of a step of a random program. A step that does not fit its value does something simpler.

use super::graph::{Dim, Graph, Size, Value};

/// The numbers of a step.
pub(super) type Step = [u16; 4];

/// Appends the step to the graph.
pub(super) fn append(graph: &mut Graph, step: Step) {
    let [operator, of, p, q] = step.map(usize::from);
    // Mostly the last value, so that graphs get deep.
    let at = if of.is_multiple_of(3) { of / 3 % graph.values.len() } else { graph.values.len() - 1 };
    let value = graph.values[at].clone();
    let applied = OPERATORS[operator % OPERATORS.len()](graph, &value, p, q);
    if applied.is_none() {
        unary(graph, &value, p, q);
    }
}

type Operator = fn(&mut Graph, &Value, usize, usize) -> Option<Value>;

/// Repeated entries are more frequent.
const OPERATORS: [Operator; 46] = [
    unary,
    bias,
    bias,
    binary,
    binary,
    product,
    product,
    self_product,
    transpose,
    transpose,
    merge,
    merge,
    merge,
    split,
    split,
    swapped_reshape,
    reduce,
    reduce,
    softmax,
    layer_norm,
    running_sum,
    best,
    place_of_best,
    concat,
    slice,
    slice,
    halves,
    gather,
    pad,
    tile,
    expand,
    unsqueeze,
    squeeze,
    flatten,
    select,
    clip,
    number,
    positions,
    quantise,
    einsum,
    gemm,
    convolution,
    branch,
    scan,
    repeat,
    recurrent,
];

#[allow(clippy::unnecessary_wraps)] // as all others
fn unary(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let (operator, exact) = [
        ("Relu", true),
        ("Neg", true),
        ("Abs", true),
        ("Identity", true),
        ("Tanh", false),
        ("Sigmoid", false),
        ("Erf", false),
        ("Softsign", false),
    ][p % 8];
    Some(graph.value(&format!("{operator}({})", of.name), of.shape.clone(), exact && of.exact))
}

fn bias(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let constant = match (p % 4, of.shape.last()?.known()) {
        (0, _) | (_, None) => graph.float("0.5"),
        (1, Some(last)) => graph.weights(&[1, last]),
        (_, Some(last)) => graph.weights(&[last]),
    };
    let operator = ["Add", "Mul", "Max", "Sub"][p / 4 % 4];
    let shape = if of.rank() == 1 && p % 4 == 1 && of.shape[0].known().is_some() {
        vec![Dim::fixed(1), of.shape[0]]
    } else {
        of.shape.clone()
    };
    Some(graph.value(&format!("{operator}({}, {constant})", of.name), shape, false))
}

fn binary(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let count = graph.values.len();
    let mut others = (0..count).map(|step| graph.values[(q + step) % count].clone());
    let (other, shape) = others.find_map(|other| broadcast(&of.shape, &other.shape).map(|shape| (other, shape)))?;
    let operator = ["Add", "Sub", "Mul", "Max"][p % 4];
    Some(graph.value(&format!("{operator}({}, {})", of.name, other.name), shape, false))
}

/// The broadcast shape of two values, if they fit for every number of rows.
fn broadcast(one: &[Dim], other: &[Dim]) -> Option<Vec<Dim>> {
    let rank = one.len().max(other.len());
    let dim = |shape: &[Dim], at: usize| (at + shape.len()).checked_sub(rank).map_or(Dim::fixed(1), |at| shape[at]);
    let single = Dim::fixed(1);
    let joined = |at| match (dim(one, at), dim(other, at)) {
        (one, other) if one == other || other == single => Some(one),
        (one, other) => (one == single).then_some(other),
    };
    (0..rank).map(joined).collect()
}

fn product(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let last = of.shape.last().filter(|_| of.rank() >= 2)?.known()?;
    let width = i64::try_from(2 + p % 3).ok()?;
    let weights = graph.weights(&[last, width]);
    Some(graph.value(&format!("MatMul({}, {weights})", of.name), of.with(of.rank() - 1, Dim::fixed(width)), false))
}

fn self_product(graph: &mut Graph, of: &Value, _: usize, _: usize) -> Option<Value> {
    let (rank, last) = (of.rank(), of.rank().checked_sub(1)?);
    let before = last.checked_sub(1)?;
    let mut order: Vec<_> = (0..rank).collect();
    order.swap(before, last);
    let other = graph.node(&format!("Transpose <perm = {order:?}> ({})", of.name));
    Some(graph.value(&format!("MatMul({}, {other})", of.name), of.with(last, of.shape[before]), false))
}

fn transpose(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let mut order: Vec<_> = (0..of.rank()).collect();
    order.swap(of.axis(p), of.axis(q));
    if p.is_multiple_of(5) {
        order.reverse();
    }
    let shape = order.iter().map(|axis| of.shape[*axis]).collect();
    (of.rank() >= 2).then(|| graph.value(&format!("Transpose <perm = {order:?}> ({})", of.name), shape, of.exact))
}

fn parts(of: &Value) -> Vec<(Dim, Size)> {
    of.shape
        .iter()
        .enumerate()
        .map(|(axis, dim)| (*dim, dim.known().map_or(Size::Of(vec![axis]), Size::Number)))
        .collect()
}

fn merge(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = p % of.rank().checked_sub(1).filter(|most| *most > 0)?;
    let mut parts = parts(of);
    parts.remove(axis + 1);
    parts[axis] = (of.shape[axis].times(of.shape[axis + 1]), Size::Of(vec![axis, axis + 1]));
    Some(graph.reshape(of, &parts, q))
}

fn split(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let along = (0..of.rank()).map(|step| of.axis(p + step));
    let (axis, by) =
        along.flat_map(|axis| [4, 2, 3].map(|by| (axis, by))).find(|(axis, by)| of.shape[*axis].number % by == 0)?;
    let rest = Dim { number: of.shape[axis].number / by, ..of.shape[axis] };
    let rest = (rest, rest.known().map_or(Size::Part(axis, by), Size::Number));
    let by = (Dim::fixed(by), Size::Number(by));
    let mut parts = parts(of);
    parts.splice(axis..=axis, if p.is_multiple_of(2) { [rest, by] } else { [by, rest] });
    (of.rank() < 5).then(|| graph.reshape(of, &parts, q))
}

/// Two dimensions are swapped in the shape, but not in the data.
fn swapped_reshape(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let mut parts = parts(of);
    let (one, other) = (of.axis(p), of.axis(p + 1));
    parts.swap(one, other);
    (one != other).then(|| graph.reshape(of, &parts, q))
}

fn reduce(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = q % of.rank().max(1);
    let operator = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2"][p % 4];
    let kept = p / 4 % 2;
    let mut shape = of.with(axis, Dim::fixed(1));
    if kept == 0 {
        shape.remove(axis);
    }
    let along = graph.integers(&[if p.is_multiple_of(3) { signed(axis) - signed(of.rank()) } else { signed(axis) }]);
    let call = format!("{operator} <keepdims = {kept}> ({}, {along})", of.name);
    (of.rank() >= 2).then(|| graph.value(&call, shape, of.exact && operator == "ReduceMax"))
}

fn softmax(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    let operator = ["Softmax <axis =", "LogSoftmax <axis =", "local.soft <at ="][p % 3];
    (of.rank() > 0).then(|| graph.value(&format!("{operator} {axis}> ({})", of.name), of.shape.clone(), false))
}

fn layer_norm(graph: &mut Graph, of: &Value, _: usize, _: usize) -> Option<Value> {
    let scale = graph.weights(&[of.shape.last()?.known()?]);
    let call = format!("LayerNormalization <epsilon = 0.1> ({}, {scale})", of.name);
    Some(graph.value(&call, of.shape.clone(), false))
}

fn running_sum(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = graph.integer(signed(of.axis(q)));
    let call = format!("CumSum <reverse = {}> ({}, {axis})", p % 2, of.name);
    (of.rank() > 0).then(|| graph.value(&call, of.shape.clone(), false))
}

fn best(graph: &mut Graph, of: &Value, _: usize, q: usize) -> Option<Value> {
    let (axis, k) = (of.axis(q), graph.integers(&[1]));
    if of.rank() == 0 {
        return None;
    }
    graph.first_of_two(&format!("TopK <axis = {axis}> ({}, {k})", of.name), of.with(axis, Dim::fixed(1)), of.exact)
}

fn place_of_best(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    if !of.exact || of.rank() == 0 {
        return None;
    }
    let operator = ["ArgMax", "ArgMin"][p % 2];
    let place = graph.node(&format!("{operator} <axis = {axis}, keepdims = 1> ({})", of.name));
    Some(graph.value(&format!("Cast <to = 1> ({place})"), of.with(axis, Dim::fixed(1)), true))
}

fn concat(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    let others: Vec<_> = graph.values.iter().filter(|other| other.shape == of.shape).cloned().collect();
    let other = others.get(p % others.len().max(1)).filter(|_| of.rank() > 0)?;
    let dim = Dim { number: of.shape[axis].number * 2, ..of.shape[axis] };
    let exact = of.exact && other.exact;
    (dim.number < 64).then(|| {
        graph.value(&format!("Concat <axis = {axis}> ({}, {})", of.name, other.name), of.with(axis, dim), exact)
    })
}

fn slice(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    let dim = *of.shape.get(axis)?;
    let (from, to, by, dim) = match (p % 5, dim.known()) {
        (0, _) => (0, i64::MAX, 1, dim),
        (1, _) => (-1, i64::MIN + 1, -1, dim),
        (2, Some(size)) if size > 1 => (1, size, 1, Dim::fixed(size - 1)),
        (3, Some(size)) if size % 2 == 0 => (0, i64::MAX, 2, Dim::fixed(size / 2)),
        _ => (0, 1, 1, Dim::fixed(1)),
    };
    let [from, to, along, by] = [from, to, signed(axis), by].map(|number| graph.integers(&[number]));
    let to = if p.is_multiple_of(10) { graph.size(of, axis) } else { to };
    Some(graph.value(&format!("Slice({}, {from}, {to}, {along}, {by})", of.name), of.with(axis, dim), of.exact))
}

fn halves(graph: &mut Graph, of: &Value, _: usize, q: usize) -> Option<Value> {
    let along = (0..of.rank()).map(|step| of.axis(q + step));
    let axis = along.into_iter().find(|axis| of.shape[*axis].number % 2 == 0)?;
    let dim = Dim { number: of.shape[axis].number / 2, ..of.shape[axis] };
    graph.first_of_two(&format!("Split <axis = {axis}, num_outputs = 2> ({})", of.name), of.with(axis, dim), of.exact)
}

fn gather(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let (axis, at) = (of.axis(q), graph.integer([0, -1][p % 2]));
    let mut shape = of.shape.clone();
    if of.rank() < 2 {
        return None;
    }
    shape.remove(axis);
    Some(graph.value(&format!("Gather <axis = {axis}> ({}, {at})", of.name), shape, of.exact))
}

fn pad(graph: &mut Graph, of: &Value, _: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    let size = of.shape.get(axis)?.known()?;
    let mut pads = vec![0; of.rank() * 2];
    pads[axis] = 1;
    let pads = graph.integers(&pads);
    Some(graph.value(&format!("Pad({}, {pads})", of.name), of.with(axis, Dim::fixed(size + 1)), of.exact))
}

fn tile(graph: &mut Graph, of: &Value, _: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    let dim = of.shape.get(axis)?;
    let mut times = vec![1; of.rank()];
    times[axis] = 2;
    let (times, dim) = (graph.integers(&times), Dim { number: dim.number * 2, ..*dim });
    (dim.number < 64).then(|| graph.value(&format!("Tile({}, {times})", of.name), of.with(axis, dim), of.exact))
}

/// To the shape of another value, or to a shape of ones, as exporters write it.
fn expand(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let count = graph.values.len();
    let mut others = (0..count).map(|step| graph.values[(q + step) % count].clone());
    let (other, shape) =
        others.find_map(|other| Some((broadcast(&of.shape, &other.shape)?, other))).map(|(a, b)| (b, a))?;
    let target = graph.node(&format!("Shape({})", other.name));
    if p.is_multiple_of(2) {
        return Some(graph.value(&format!("Expand({}, {target})", of.name), shape, of.exact));
    }
    let ones = graph.node(&format!("ConstantOfShape <value = float[1] {{1}}> ({target})"));
    Some(graph.value(&format!("Add({}, {ones})", of.name), shape, false))
}

fn unsqueeze(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let axis = p % (of.rank() + 1);
    let along = graph.integers(&[signed(axis)]);
    let mut shape = of.shape.clone();
    shape.insert(axis, Dim::fixed(1));
    (of.rank() < 5).then(|| graph.value(&format!("Unsqueeze({}, {along})", of.name), shape, of.exact))
}

fn squeeze(graph: &mut Graph, of: &Value, _: usize, _: usize) -> Option<Value> {
    let axis = of.shape.iter().position(|dim| *dim == Dim::fixed(1)).filter(|_| of.rank() >= 2)?;
    let along = graph.integers(&[signed(axis)]);
    let mut shape = of.shape.clone();
    shape.remove(axis);
    Some(graph.value(&format!("Squeeze({}, {along})", of.name), shape, of.exact))
}

#[allow(clippy::unnecessary_wraps)] // as all others
fn flatten(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let axis = p % (of.rank() + 1);
    let product = |dims: &[Dim]| dims.iter().fold(Dim::fixed(1), |product, dim| product.times(*dim));
    let shape = vec![product(&of.shape[..axis]), product(&of.shape[axis..])];
    Some(graph.value(&format!("Flatten <axis = {axis}> ({})", of.name), shape, of.exact))
}

fn select(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let exact: Vec<_> = graph.values.iter().filter(|value| value.exact).cloned().collect();
    let by = exact.get(p % exact.len().max(1))?;
    let shape = broadcast(&of.shape, &by.shape)?;
    let zero = graph.float("0");
    let which = graph.node(&format!("Greater({}, {zero})", by.name));
    Some(graph.value(&format!("Where({which}, {}, {zero})", of.name), shape, of.exact))
}

#[allow(clippy::unnecessary_wraps)] // as all others
fn clip(graph: &mut Graph, of: &Value, _: usize, _: usize) -> Option<Value> {
    let most = graph.float("0.75");
    Some(graph.value(&format!("Clip({}, , {most})", of.name), of.shape.clone(), of.exact))
}

/// The value times the size of a dimension.
fn number(graph: &mut Graph, of: &Value, _: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    of.shape.get(axis)?;
    let size = graph.size(of, axis);
    let float = graph.node(&format!("Cast <to = 1> ({size})"));
    Some(graph.value(&format!("Mul({}, {float})", of.name), of.shape.clone(), false))
}

/// The value and its place along a dimension.
fn positions(graph: &mut Graph, of: &Value, _: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    of.shape.get(axis)?;
    let size = graph.size(of, axis);
    let [zero, one] = [0, 1].map(|number| graph.integer(number));
    let size = graph.node(&format!("Squeeze({size})"));
    let range = graph.node(&format!("Range({zero}, {size}, {one})"));
    let float = graph.node(&format!("Cast <to = 1> ({range})"));
    let behind: Vec<_> = (1..of.rank() - axis).map(signed).collect();
    let along = graph.integers(&behind);
    let placed = if behind.is_empty() { float } else { graph.node(&format!("Unsqueeze({float}, {along})")) };
    Some(graph.value(&format!("Add({}, {placed})", of.name), of.shape.clone(), false))
}

#[allow(clippy::unnecessary_wraps)] // as all others
fn quantise(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let quantised = if p.is_multiple_of(2) {
        let (quantised, scale, zero) = graph.three(&format!("DynamicQuantizeLinear({})", of.name));
        format!("DequantizeLinear({quantised}, {scale}, {zero})")
    } else if of.exact {
        // Without a zero point ONNX Runtime 1.32 crashes when it moves a transpose over this.
        let (scale, zero) = (graph.float("0.125"), graph.zero_point());
        let quantised = graph.node(&format!("QuantizeLinear({}, {scale}, {zero})", of.name));
        format!("DequantizeLinear({quantised}, {scale}, {zero})")
    } else {
        return None;
    };
    Some(graph.value(&quantised, of.shape.clone(), false))
}

fn einsum(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let (equation, order): (&str, &[usize]) = match (of.rank(), p % 4) {
        (2, 0) => ("ij->ji", &[1, 0]),
        (2, 1) => ("ij,ij->i", &[0]),
        (2, 2) => ("ij,kj->ik", &[0, 0]),
        (2, _) => ("ij->j", &[1]),
        (3, 0) => ("ijk->ikj", &[0, 2, 1]),
        (3, 1) => ("ijk,ijl->ikl", &[0, 2, 2]),
        (3, 2) => ("ijk,ilk->ijl", &[0, 1, 1]),
        (3, _) => ("ijk->jk", &[1, 2]),
        _ => return None,
    };
    let inputs = vec![of.name.as_str(); equation.split("->").next()?.split(',').count()].join(", ");
    let shape = order.iter().map(|axis| of.shape[*axis]).collect();
    Some(graph.value(&format!("Einsum <equation = \"{equation}\"> ({inputs})"), shape, false))
}

fn gemm(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let [rows, columns] = of.shape[..] else { return None };
    let turned = p % 2;
    let (outer, inner) = if turned == 1 { (columns, rows) } else { (rows, columns) };
    let weights = graph.weights(&[inner.known()?, 3]);
    Some(graph.value(&format!("Gemm <transA = {turned}> ({}, {weights})", of.name), vec![outer, Dim::fixed(3)], false))
}

fn convolution(graph: &mut Graph, of: &Value, p: usize, _: usize) -> Option<Value> {
    let [rows, channels, length] = of.shape[..] else { return None };
    if p.is_multiple_of(3) {
        let shape = vec![rows, channels, Dim::fixed(1)];
        return Some(graph.value(&format!("GlobalAveragePool({})", of.name), shape, false));
    }
    let weights = graph.weights(&[2, channels.known()?, 3]);
    let call = format!("Conv <pads = [1, 1]> ({}, {weights})", of.name);
    Some(graph.value(&call, vec![rows, Dim::fixed(2), length], false))
}

/// One thing or another by the size of a dimension.
fn branch(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    of.shape.get(axis)?;
    let (size, three) = (graph.size(of, of.axis(p)), graph.integers(&[3]));
    let which = graph.node(&format!("Less({size}, {three})"));
    let which = graph.node(&format!("Squeeze({which})"));
    let call = format!(
        "If <then_branch = t () => (float[] a) {{ a = Relu({0}) }}, else_branch = e () => (float[] b) {{ b = Softmax <axis = {axis}> ({0}) }}> ({which})",
        of.name
    );
    Some(graph.value(&call, of.shape.clone(), false))
}

/// Along an axis, with or without a state.
fn scan(graph: &mut Graph, of: &Value, p: usize, q: usize) -> Option<Value> {
    let axis = of.axis(q);
    of.shape.get(axis).filter(|_| of.rank() >= 2)?;
    let along = format!("scan_input_axes = [{axis}], scan_output_axes = [{axis}], num_scan_inputs = 1");
    if p.is_multiple_of(2) {
        let call = format!("Scan <{along}, body = b (float[] r) => (float[] o) {{ o = Tanh(r) }}> ({})", of.name);
        return Some(graph.value(&call, of.shape.clone(), false));
    }
    let at = graph.integer(0);
    let first = graph.node(&format!("Gather <axis = {axis}> ({}, {at})", of.name));
    let start = graph.node(&format!("Sub({first}, {first})"));
    let body = "body = b (float[] s, float[] r) => (float[] t, float[] o) { t = Add(s, r) o = Tanh(t) }";
    graph.second_of_two(&format!("Scan <{along}, {body}> ({start}, {})", of.name), of.shape.clone())
}

#[allow(clippy::unnecessary_wraps)] // as all others
fn repeat(graph: &mut Graph, of: &Value, _: usize, _: usize) -> Option<Value> {
    let times = graph.integer(2);
    let call = format!(
        "Loop <body = b (int64 i, bool go, float[] s) => (bool on, float[] t) {{ on = Identity(go) u = Add(s, {0}) t = Tanh(u) }}> ({times}, , {0})",
        of.name
    );
    Some(graph.value(&call, of.shape.clone(), false))
}

/// Over the first axis, as recurrent networks take it.
fn recurrent(graph: &mut Graph, of: &Value, _: usize, _: usize) -> Option<Value> {
    let [steps, rows, width] = of.shape[..] else { return None };
    let [weights, recurrent] = [width.known()?, 2].map(|width| graph.weights(&[1, 6, width]));
    let hidden = graph.node(&format!("GRU <hidden_size = 2> ({}, {weights}, {recurrent})", of.name));
    let along = graph.integers(&[1]);
    Some(graph.value(&format!("Squeeze({hidden}, {along})"), vec![steps, rows, Dim::fixed(2)], false))
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or_default()
}
