//! Logs: one line for each request on standard error, as JSON under Lambda and as text elsewhere. No payload, no key.

mod failures;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

pub(crate) use self::failures::{enable_failure_metrics, record_failure};

/// Starts logging. `AMAAS_LOG` is a filter in the format of `RUST_LOG`; without it, `default` applies. `AMAAS_LOG_FORMAT=json`
/// writes JSON outside of Lambda too.
pub fn init(default: &str) {
    let filter = std::env::var("AMAAS_LOG").unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some()
        || std::env::var("AMAAS_LOG_FORMAT").is_ok_and(|format| format == "json");
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE).with_writer(std::io::stderr);
    // A second call in one process has no effect.
    let _ = if json {
        logs.json().flatten_event(true).try_init()
    } else {
        logs.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    };
}
