//! Networks that mix rows, each in another way, are refused, and the error names the node where rows meet.

use amaas_model::publish::NotProven;

use super::corpus::Entry;
use super::prove;
use super::trial::Runner;

#[test]
fn networks_that_mix_rows_are_refused() {
    let entries = Entry::all("refused");
    assert!(entries.len() >= 50, "{} networks", entries.len());
    let wrong: Vec<_> = entries.iter().filter_map(|entry| Some(format!("{}: {}", entry.name, wrong(entry)?))).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), entries.len(), wrong.join("\n"));
}

#[tokio::test]
async fn networks_that_mix_rows_do_mix_them() {
    let runs = |entry: &Entry| entry.key("same").or(entry.key("unrunnable")).is_none();
    let mut same = Vec::new();
    for entry in Entry::all("refused").iter().filter(|entry| runs(entry)) {
        let mut runner = Runner::of_entry(entry).await;
        let trials = runner.trials();
        if !trials.iter().any(|trial| matches!(trial, Ok(Some(_)))) {
            same.push(format!("{}: {trials:?}", entry.name));
        }
    }
    assert!(same.is_empty(), "{}", same.join("\n"));
}

/// The difference between the proof's result and the expected one, if there is any.
fn wrong(entry: &Entry) -> Option<String> {
    let expected = entry.key("node").expect("each says where rows meet");
    match prove(entry.file()) {
        Ok(()) => Some(format!("proven, expected {expected:?}")),
        Err(why) if expected.split(" | ").any(|one| names(&why, one)) => None,
        Err(why) => Some(format!("expected {expected:?}, got {why}")),
    }
}

/// Whether `why` names the node `expected`, by its operator and its name or output.
fn names(why: &NotProven, expected: &str) -> bool {
    let Some(node) = &why.node else { return expected == "none" };
    let words: Vec<_> = node.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    expected.split(' ').all(|part| words.contains(&part))
}
