//! Logs: one line a request on standard error, JSON under Lambda, text elsewhere. No payload, no key.

mod failures;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

pub(crate) use self::failures::{failed, tell_failures};

/// Begins to log. `AMAAS_LOG` filters as `RUST_LOG` does elsewhere (`default` where not set); `AMAAS_LOG_FORMAT=json`
/// writes JSON outside of Lambda too.
pub fn init(default: &str) {
    let filter = std::env::var("AMAAS_LOG").unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some()
        || std::env::var("AMAAS_LOG_FORMAT").is_ok_and(|format| format == "json");
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE).with_writer(std::io::stderr);
    // A second start in one process keeps the first one's logs.
    let _ = if json {
        logs.json().flatten_event(true).try_init()
    } else {
        logs.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    };
}
