//! Whether the first dimension is a batch: it is not enough that it has no fixed size, for that may be a length just as
//! well, and rows of different callers would change one another's answers. So two rows are run alone and together.
//!
//! A trial shows nothing of outputs that happen to have one row for each input, such as the boxes that a detector finds;
//! giving such rows apart would hand one caller another's. So all inputs and outputs must name their first dimension, and
//! name it the same.
//!
//! Inputs that a call may leave out are tried in every combination, since each may be another network.

use amaas_wire::{Tensor, TensorData};

use crate::infer::{Network, join, made_up, split};
use crate::load::compare;
use crate::manifest::{Dim, Golden, TensorSpec};

/// Ok where rows may share a run; else why not.
pub(super) fn probe(
    network: &mut impl Network,
    inputs: &[TensorSpec],
    outputs: &[TensorSpec],
    golden: Option<&Golden>,
) -> Result<(), String> {
    if inputs.is_empty() {
        return Err("the network has no inputs".to_owned());
    }
    same_batch(inputs.iter().chain(outputs))?;
    let rows = match golden.and_then(golden_rows) {
        Some([one, other]) => [completed(&one, inputs, 1)?, completed(&other, inputs, 2)?],
        None => [made_up(inputs, 1)?, made_up(inputs, 2)?],
    };
    let optional: Vec<_> = inputs.iter().filter(|input| input.optional).map(|input| input.name.as_str()).collect();
    if optional.len() > MOST_OPTIONAL {
        return Err(format!("{} inputs may be left out, and not every combination was tried", optional.len()));
    }
    for sent in 0_usize..1 << optional.len() {
        let is_sent = |tensor: &&Tensor| {
            let place = optional.iter().position(|name| *name == tensor.name());
            place.is_none_or(|place| sent >> place & 1 == 1)
        };
        let rows = [&rows[0], &rows[1]].map(|row| row.iter().filter(is_sent).cloned().collect::<Vec<_>>());
        // Calls that send nothing never share a run.
        if !rows[0].is_empty() {
            independent(network, &rows)?;
        }
    }
    Ok(())
}

/// Ok where each of two rows gives together what it gives alone.
fn independent(network: &mut impl Network, rows: &[Vec<Tensor>; 2]) -> Result<(), String> {
    let mut run = |inputs: &[Tensor]| network.run(inputs).map_err(|error| format!("a trial run failed: {error}"));
    let alone = [run(&rows[0])?, run(&rows[1])?];
    let joined = join(&[&rows[0], &rows[1]]).map_err(|error| error.to_string())?;
    let together = split(&run(&joined)?, &[1, 1]).ok_or("the outputs do not have a row for each row of the inputs")?;
    if alone[0] == alone[1] {
        return Err("two different rows gave the same answer, which shows nothing".to_owned());
    }
    for (alone, together) in alone.iter().flatten().zip(together.iter().flatten()) {
        compare(alone, together, tolerance(alone)).map_err(|what| format!("rows change one another: {what}"))?;
    }
    Ok(())
}

/// Runs the network once, on made-up values.
pub(super) fn trial(network: &mut impl Network, inputs: &[TensorSpec]) -> Result<(), String> {
    let made = made_up(inputs.iter().filter(|input| !input.optional), 1)?;
    network.run(&made).map(drop).map_err(|error| error.to_string())
}

/// Whether the first dimensions of all tensors are one and the same symbol.
fn same_batch<'s>(specs: impl Iterator<Item = &'s TensorSpec>) -> Result<(), String> {
    let mut batch: Option<&str> = None;
    for spec in specs {
        let symbol = match spec.shape.first() {
            Some(Dim::Symbol(symbol)) if symbol.is_empty() => {
                return Err(format!("the first dimension of {:?} has no name, such as \"batch\"", spec.name));
            }
            Some(Dim::Symbol(symbol)) => symbol,
            Some(Dim::Fixed(_)) => return Err(format!("the first dimension of {:?} has a fixed size", spec.name)),
            None => return Err(format!("{:?} has no first dimension that is known", spec.name)),
        };
        if *batch.get_or_insert(symbol) != symbol.as_str() {
            return Err(format!("first dimensions have different names: {symbol:?} of {:?} is another one", spec.name));
        }
    }
    Ok(())
}

/// The first two golden cases of one row each and of equal shapes.
fn golden_rows(golden: &Golden) -> Option<[Vec<Tensor>; 2]> {
    let single = |inputs: &&Vec<Tensor>| inputs.iter().all(|input| input.rows() == Some(1));
    let mut cases = golden.cases.iter().map(|case| &case.inputs).filter(single);
    let first = cases.next()?;
    let shapes = |inputs: &[Tensor]| inputs.iter().map(|input| input.shape().to_vec()).collect::<Vec<_>>();
    let second = cases.find(|case| *case != first && shapes(case) == shapes(first))?;
    Some([first.clone(), second.clone()])
}

/// A golden row in the network's order, with made-up values for what it leaves out.
fn completed(row: &[Tensor], inputs: &[TensorSpec], seed: u64) -> Result<Vec<Tensor>, String> {
    let mut all = Vec::with_capacity(inputs.len());
    for input in inputs {
        match row.iter().find(|tensor| tensor.name() == input.name) {
            Some(tensor) => all.push(tensor.clone()),
            None => all.extend(made_up([input], seed)?),
        }
    }
    Ok(all)
}

/// Sums of another order differ by some 1e-7 of the values; rows that see one another differ by far more.
pub(super) fn tolerance(tensor: &Tensor) -> f64 {
    let largest = match tensor.data() {
        TensorData::Fp16(values) => {
            values.iter().fold(0.0, |largest: f64, value| largest.max(value.to_f64().abs())) * 100.0
        }
        // A bfloat16 has 8 bits of its own.
        TensorData::Bf16(values) => {
            values.iter().fold(0.0, |largest: f64, value| largest.max(value.to_f64().abs())) * 1000.0
        }
        TensorData::Fp32(values) => values.iter().fold(0.0, |largest: f64, value| largest.max(f64::from(value.abs()))),
        TensorData::Fp64(values) => values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs())),
        _ => 0.0,
    };
    1e-5 * largest.max(1e-2)
}

/// Which of three inputs go together with which is tried in eight ways.
const MOST_OPTIONAL: usize = 3;

#[cfg(test)]
mod tests {
    use amaas_wire::Datatype;

    use super::*;
    use crate::infer::RunError;
    use crate::manifest::GoldenCase;

    fn spec(name: &str, shape: Vec<Dim>) -> TensorSpec {
        TensorSpec::new(name, Datatype::Fp32, shape)
    }

    /// A network that is a function.
    struct Function(fn(&[f32]) -> Vec<f32>);

    impl Network for Function {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            let values = self.0(inputs[0].data().as_f32().expect("FP32"));
            let (rows, width) = (inputs[0].shape()[0], values.len() / inputs[0].shape()[0]);
            Ok(vec![Tensor::new("y", vec![rows, width], values).expect("whole rows")])
        }
    }

    fn probed(function: fn(&[f32]) -> Vec<f32>, first: Dim) -> Result<(), String> {
        let inputs = [spec("x", vec![first, Dim::Fixed(4)])];
        let outputs = [spec("y", vec![Dim::Symbol("n".to_owned()), Dim::Symbol(String::new())])];
        probe(&mut Function(function), &inputs, &outputs, None)
    }

    /// `y = x`, less the mean of what may be sent beside it.
    struct Centred;

    impl Network for Centred {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            let [x, rest @ ..] = inputs else { return Err(RunError::Failed("x is missing".to_owned())) };
            let values = |tensor: &Tensor| tensor.data().as_f32().expect("FP32").to_vec();
            let all: Vec<f32> = rest.iter().flat_map(values).collect();
            let mean = if all.is_empty() { 0.0 } else { all.iter().sum::<f32>() };
            let y: Vec<f32> = values(x).into_iter().map(|x| x - mean).collect();
            Ok(vec![Tensor::new("y", x.shape().to_vec(), y).expect("of x's shape")])
        }
    }

    #[test]
    fn what_may_be_left_out_is_tried_with_and_without() {
        let tensor = |name| spec(name, vec![Dim::Symbol("n".to_owned()), Dim::Fixed(4)]);
        let optional = |name| TensorSpec { optional: true, ..tensor(name) };
        let probed = |inputs: &[TensorSpec]| probe(&mut Centred, inputs, &[tensor("y")], None);
        assert_eq!(probed(&[tensor("x")]), Ok(()));
        assert!(probed(&[tensor("x"), optional("z")]).expect_err("z").starts_with("rows change one another"));
        let fixed = TensorSpec { optional: true, ..spec("z", vec![Dim::Fixed(1)]) };
        assert_eq!(probed(&[tensor("x"), fixed]), Err("the first dimension of \"z\" has a fixed size".to_owned()));
        let many: Vec<_> = ["a", "b", "c", "d"].map(optional).into_iter().chain([tensor("x")]).collect();
        assert_eq!(probed(&many), Err("4 inputs may be left out, and not every combination was tried".to_owned()));
        assert_eq!(probed(&[]), Err("the network has no inputs".to_owned()));
        // A golden case says what x may be, and nothing of z.
        let row = |value: f32| GoldenCase {
            inputs: vec![Tensor::new("x", vec![1, 4], vec![value; 4]).expect("a row")],
            outputs: Vec::new(),
        };
        let golden =
            Golden { format: String::new(), atol: 0.0, producer: String::new(), cases: vec![row(1.0), row(2.0)] };
        let probed = probe(&mut Centred, &[tensor("x"), optional("z")], &[tensor("y")], Some(&golden));
        assert!(probed.expect_err("z").starts_with("rows change one another"));
        assert_eq!(probe(&mut Centred, &[tensor("x")], &[tensor("y")], Some(&golden)), Ok(()));
    }

    #[test]
    fn only_independent_rows_may_share_a_run() {
        let any = || Dim::Symbol("n".to_owned());
        assert_eq!(probed(|x| x.iter().map(|x| x * 2.0).collect(), any()), Ok(()));
        let along_the_batch = |x: &[f32]| {
            let mean = x.iter().sum::<f32>() / 8.0;
            x.iter().map(|x| x - mean).collect()
        };
        assert!(probed(along_the_batch, any()).expect_err("rows change one another").contains("change one another"));
        let running = |x: &[f32]| {
            x.iter()
                .scan(0.0, |sum, x| {
                    *sum += x;
                    Some(*sum)
                })
                .collect()
        };
        assert!(probed(running, any()).is_err());
        assert!(probed(|x| vec![1.0; x.len()], any()).expect_err("constant").contains("shows nothing"));
        let symbol = |name: &str| Dim::Symbol(name.to_owned());
        assert!(probed(<[f32]>::to_vec, symbol("boxes")).expect_err("boxes").contains("\"n\" of \"y\" is another one"));
        assert!(probed(<[f32]>::to_vec, symbol("")).expect_err("unnamed").contains("has no name"));
        assert!(probed(<[f32]>::to_vec, Dim::Fixed(1)).expect_err("fixed").contains("fixed size"));
    }
}
