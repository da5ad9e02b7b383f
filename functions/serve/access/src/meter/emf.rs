//! `CloudWatch` metrics in its embedded metric format (EMF): one line for each call, without an API call.

use std::io::Write;

use serde_json::json;

use super::UsageRecord;

/// Whether EMF lines are written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmfOutput {
    /// Metrics are written to standard output.
    On,
    /// No metrics are written.
    Off,
}

impl EmfOutput {
    /// Writes the metrics of `record`.
    pub(super) fn write(self, record: &UsageRecord) {
        if self == Self::On {
            let mut line = line(record);
            line.push('\n');
            // A closed log refuses no call.
            let _ = std::io::stdout().write_all(line.as_bytes());
        }
    }
}

/// Metrics by model and version. Tenant and request are in the line but not dimensions, so that their number is no number of metrics.
fn line(record: &UsageRecord) -> String {
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    let mut metrics = vec![
        metric("Calls", "Count"),
        metric("Units", "Count"),
        metric("BilledDuration", "Milliseconds"),
        metric("BytesIn", "Bytes"),
        metric("BytesOut", "Bytes"),
    ];
    if record.init_ms > 0 {
        // Zeros would be averaged in.
        metrics.push(metric("InitDuration", "Milliseconds"));
    }
    let by = json!({ "Namespace": "amaas", "Dimensions": [["Model"], ["Model", "Version"]], "Metrics": metrics });
    json!({
        "_aws": { "Timestamp": record.time, "CloudWatchMetrics": [by] },
        "Model": record.model,
        "Version": record.version,
        "Calls": 1,
        "Units": record.units(),
        "BilledDuration": record.billed_ms,
        "InitDuration": record.init_ms,
        "BytesIn": record.bytes_in,
        "BytesOut": record.bytes_out,
        "tenant": record.tenant,
        "route": record.route,
        "sealed": record.sealed,
        "request": record.request,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_that_is_listed_is_in_the_line() {
        for init in [0, 250] {
            let record = serde_json::from_value(json!({
                "id": "x", "repeatable": false, "time": 1_800_000_000_000_u64, "tenant": "acme", "model": "m", "version": "1",
                "route": "infer", "rows": 3, "billed_ms": 1, "init_ms": init, "bytes_in": 1, "bytes_out": 1,
                "sealed": true, "cost": "0", "request": "r",
            }));
            let line: serde_json::Value = serde_json::from_str(&line(&record.expect("a record"))).expect("JSON");
            let by = &line["_aws"]["CloudWatchMetrics"][0];
            let metrics = by["Metrics"].as_array().expect("a list");
            assert_eq!(metrics.len(), if init == 0 { 5 } else { 6 });
            assert!(metrics.iter().all(|metric| line[metric["Name"].as_str().expect("text")].is_number()));
            let dimensions =
                by["Dimensions"].as_array().expect("a list").iter().flat_map(|set| set.as_array().expect("a list"));
            assert!(dimensions.into_iter().all(|name| line[name.as_str().expect("text")].is_string()));
        }
    }
}
