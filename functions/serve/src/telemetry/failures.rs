//! Counts failed calls for each version of the Lambda function, in `CloudWatch`'s embedded metric format. Lambda itself counts only crashes
//! and timeouts as errors. A new version that answers every call with status 500 would look healthy.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

/// The function and its version, if failures are counted.
static FUNCTION_VERSION: OnceLock<(String, String)> = OnceLock::new();

/// Writes a metric to standard output for every failed call from now on, if the process is a Lambda function.
pub(crate) fn enable_failure_metrics() {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(function), Some(version)) =
        (variable("AWS_LAMBDA_FUNCTION_NAME"), variable("AWS_LAMBDA_FUNCTION_VERSION"))
    {
        let _ = FUNCTION_VERSION.set((function, version));
    }
}

/// Counts a response with a status of 500 or more.
pub(crate) fn record_failure() {
    if let Some((function, version)) = FUNCTION_VERSION.get() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = metric_line(function, version, u64::try_from(now.as_millis()).unwrap_or(u64::MAX)) + "\n";
        // A closed log must not change the response.
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}

fn metric_line(function: &str, version: &str, time: u64) -> String {
    let directive = json!({
        "Namespace": "amaas",
        "Dimensions": [["Function"], ["Function", "FunctionVersion"]],
        "Metrics": [{ "Name": "Failures", "Unit": "Count" }],
    });
    let aws = json!({ "Timestamp": time, "CloudWatchMetrics": [directive] });
    json!({ "_aws": aws, "Function": function, "FunctionVersion": version, "Failures": 1 }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_metric_and_the_dimensions_that_it_lists() {
        let line: serde_json::Value =
            serde_json::from_str(&metric_line("amaas-match", "7", 1_800_000_000_000)).expect("JSON");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "amaas");
        assert_eq!(line["_aws"]["Timestamp"], 1_800_000_000_000_u64);
        assert_eq!(line[directive["Metrics"][0]["Name"].as_str().expect("text")], 1);
        assert_eq!(directive["Dimensions"][0], serde_json::json!(["Function"]));
        let dimensions = directive["Dimensions"][1].as_array().expect("a list").iter();
        let values: Vec<_> = dimensions.map(|name| line[name.as_str().expect("text")].clone()).collect();
        assert_eq!(values, ["amaas-match", "7"]);
    }
}
