//! The queue depth of each model in `CloudWatch`'s embedded metric format, by which GPU services scale.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

/// The time between two reports. An alarm covers a minute, so a minute has 6 lines of some 200 bytes.
pub const QUEUE_DEPTH_INTERVAL: Duration = Duration::from_secs(10);

/// Writes the queue depth of each of `models` to standard output; `time` is in milliseconds since 1970.
pub(super) fn write(models: impl IntoIterator<Item = (String, usize)>, time: u64) {
    let lines: String = models.into_iter().map(|(model, waiting)| line(&model, waiting, time) + "\n").collect();
    // A closed log does not end the server.
    let _ = std::io::stdout().write_all(lines.as_bytes());
}

/// Zero is reported too: a missing metric means that the service does not run.
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
