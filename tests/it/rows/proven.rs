//! Networks whose rows are independent, in many forms: proven. ONNX Runtime says that they are.

use super::corpus::Entry;
use super::prove;
use super::trial::Runner;

#[test]
fn independent_networks_are_proven() {
    let entries = Entry::all("proven");
    assert!(entries.len() >= 40, "{} networks", entries.len());
    let refused: Vec<_> =
        entries.iter().filter_map(|entry| Some(format!("{}: {}", entry.name, prove(entry.file()).err()?))).collect();
    assert!(refused.is_empty(), "{} of {}:\n{}", refused.len(), entries.len(), refused.join("\n"));
}

#[tokio::test]
async fn independent_networks_give_alone_what_they_give_together() {
    let mut other = Vec::new();
    for entry in Entry::all("proven") {
        let mut runner = Runner::of_entry(&entry).await;
        let trials = runner.trials();
        if trials.iter().any(|trial| !matches!(trial, Ok(None))) {
            other.push(format!("{}: {trials:?}", entry.name));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}
