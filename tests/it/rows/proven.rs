//! Networks whose rows are independent, in many forms, are proven. ONNX Runtime confirms it.

use super::corpus::Entry;
use super::prove;
use super::trial::Runner;

#[test]
fn independent_networks_are_proven() {
    let entries = Entry::all("proven");
    assert!(entries.len() >= 40, "{} networks", entries.len());
    let wrong = |entry: &Entry| match (prove(entry.file()), entry.key("open")) {
        (Ok(()), None) | (Err(_), Some(_)) => None,
        (Ok(()), Some(_)) => Some(format!("{}: proven now, and no longer open", entry.name)),
        (Err(why), None) => Some(format!("{}: {why}", entry.name)),
    };
    let wrong: Vec<_> = entries.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), entries.len(), wrong.join("\n"));
    assert!(entries.iter().filter(|entry| entry.key("open").is_none()).count() >= 40);
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
