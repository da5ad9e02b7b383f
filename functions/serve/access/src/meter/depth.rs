//! How much waits for each model, in `CloudWatch`'s embedded metric format: what a service with a GPU is made larger and smaller by.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

/// How often it is told. An alarm looks at a minute, and a minute of a full queue is 6 lines of some 200 bytes.
pub const EVERY: Duration = Duration::from_secs(10);

/// Writes what waits for each of `models` to standard output; `time` is in milliseconds since 1970.
pub(super) fn tell(models: impl IntoIterator<Item = (String, usize)>, time: u64) {
    let lines: String = models.into_iter().map(|(model, waiting)| line(&model, waiting, time) + "\n").collect();
    // A log that is gone is no reason to end a server.
    let _ = std::io::stdout().write_all(lines.as_bytes());
}

/// Zero is told too: nothing told is a service that does not run.
fn line(model: &str, waiting: usize, time: u64) -> String {
    let metrics = json!([{ "Name": "QueueDepth", "Unit": "Count" }]);
    let by = json!({ "Namespace": "amaas", "Dimensions": [["Model"]], "Metrics": metrics });
    json!({ "_aws": { "Timestamp": time, "CloudWatchMetrics": [by] }, "Model": model, "QueueDepth": waiting })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_metric_and_the_dimension_that_it_lists() {
        let line: serde_json::Value = serde_json::from_str(&line("match", 3, 1_800_000_000_000)).expect("JSON");
        let by = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], 1_800_000_000_000_u64);
        assert_eq!(by["Namespace"], "amaas");
        assert_eq!(line[by["Metrics"][0]["Name"].as_str().expect("text")], 3);
        assert_eq!(line[by["Dimensions"][0][0].as_str().expect("text")], "match");
    }
}
