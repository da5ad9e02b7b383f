//! ONNX's operator cases with a first dimension of any size: if the proof accepts one, rows alone equal rows together. The proven cases
//! are in `tests/rows/operators_proven.txt`, which may only grow.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use amaas::Tensor;
use amaas_e2e::skip;
use bytes::Bytes;
use ort::environment::Environment;

use super::trial::{Runner, Trial, environment};
use super::{ROWS, prove};
use crate::operators::cases::{Case, Cases, generated};

#[tokio::test]
async fn operators_that_are_proven_are_independent() {
    let folder = match generated().await {
        Ok(folder) => folder,
        Err(missing) => return skip(missing),
    };
    let (all, environment) = (Cases::read(folder), environment().await);
    let values = Bytes::from(std::fs::read(folder.join("values.bin")).expect("the program writes it"));
    let (mut proven, mut unseen, mut wrong, mut count) = (BTreeSet::new(), 0, Vec::new(), 0);
    for case in &all.cases {
        for (variant, file) in variants(folder, case) {
            count += 1;
            if prove(file.clone()).is_err() {
                continue;
            }
            let name = format!("{}.{variant}", case.name);
            match trial(&environment, &file, case, &variant, &values) {
                Ok(Some(difference)) => {
                    wrong.push(format!("{name}: {difference}"));
                    continue;
                }
                Ok(None) => {}
                Err(_) => unseen += 1,
            }
            proven.insert(name);
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{} of {count} operator cases with rows are proven; of {unseen} of them no rows could be run",
        proven.len()
    );
    only_grows(&proven);
    assert!(wrong.is_empty(), "{} are proven and are not independent:\n{}", wrong.len(), wrong.join("\n"));
}

/// The case's variants with rows.
fn variants(folder: &Path, case: &Case) -> Vec<(String, Vec<u8>)> {
    let count = case.calls[0].inputs.len();
    let names = std::iter::once("all".to_owned()).chain((0..count).map(|input| input.to_string()));
    let read = |name: &String| std::fs::read(folder.join("rows").join(format!("{}.{name}.onnx", case.name))).ok();
    names.filter_map(|name| Some((name.clone(), read(&name)?))).collect()
}

/// Runs the rows of the case's first call, also in another order, alone and together.
fn trial(environment: &Environment, file: &[u8], case: &Case, variant: &str, values: &Bytes) -> Trial {
    let mut runner = Runner::in_environment(environment, file)?;
    let call = &case.calls[0].inputs;
    let inputs: Vec<_> = match variant.parse::<usize>() {
        Ok(input) => vec![call[input].tensor(values)?],
        Err(_) => call.iter().map(|input| input.tensor(values)).collect::<Result<_, _>>()?,
    };
    let rows: Vec<_> =
        (0..inputs[0].shape()[0]).map(|at| inputs.iter().map(|input| row(input, at)).collect()).collect();
    let mut seen = Err("no rows".to_owned());
    for rows in orders(rows) {
        match runner.compare(&rows) {
            Err(_) => {}
            Ok(None) => seen = Ok(None),
            different => return different,
        }
    }
    seen
}

/// In order, reversed, each twice, and the first beside the last.
fn orders(rows: Vec<Vec<Tensor>>) -> Vec<Vec<Vec<Tensor>>> {
    let (Some(first), Some(last)) = (rows.first().cloned(), rows.last().cloned()) else { return Vec::new() };
    let backwards = rows.iter().rev().cloned().collect();
    let twice = rows.iter().chain(&rows).cloned().collect();
    vec![vec![first.clone(), last.clone()], vec![last, first.clone(), first], backwards, twice, rows]
}

fn row(input: &Tensor, at: usize) -> Tensor {
    let width = input.data().len() / input.shape()[0];
    let data = input.data().slice(at * width..(at + 1) * width).expect("a row");
    let shape = [&[1], &input.shape()[1..]].concat();
    Tensor::new(input.name(), shape, data).expect("a row")
}

/// Cases of the committed list are still proven, and new ones are in the list.
fn only_grows(proven: &BTreeSet<String>) {
    let path = Path::new(ROWS).join("operators_proven.txt");
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    let before: BTreeSet<_> = recorded.lines().map(str::to_owned).collect();
    let lost: Vec<_> = before.difference(proven).cloned().collect();
    if std::env::var_os("AMAAS_TEST_REWRITE").is_some() {
        let lines: String = proven.iter().flat_map(|name| [name, "\n"]).collect();
        return std::fs::write(&path, lines).expect("the list can be written");
    }
    assert!(lost.is_empty(), "{} are no longer proven:\n{}", lost.len(), lost.join("\n"));
    let new: Vec<_> = proven.difference(&before).cloned().collect();
    assert!(new.is_empty(), "{} more are proven; AMAAS_TEST_REWRITE=1 adds them:\n{}", new.len(), new.join("\n"));
}
