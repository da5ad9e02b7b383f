//! The span of a call and its one event at the end, with the names of OpenTelemetry's semantic conventions (HTTP and generative AI).
//! They hold neither credentials nor payload.

use std::time::Duration;

use amaas_wire::oip::{ModelMetadata, ServerMetadata};
use amaas_wire::predict::{ModelList, Usage};
use amaas_wire::usage::UsageReport;
use reqwest::{Method, Url};
use tracing::field::Empty;
use tracing::{Span, debug, info, info_span};

use crate::answer::{Answer, InferAnswer, Readiness};
use crate::completed::CompletedCall;
use crate::error::Error;

/// The fields of an answer that the span records.
pub(crate) trait CallOutcome {
    /// The version that answered.
    fn version(&self) -> Option<&str> {
        None
    }

    /// The usage of the call.
    fn usage(&self) -> Option<Usage> {
        None
    }
}

impl<P> CallOutcome for Answer<P> {
    fn version(&self) -> Option<&str> {
        Some(self.version())
    }

    fn usage(&self) -> Option<Usage> {
        Some(self.usage())
    }
}

impl CallOutcome for InferAnswer {
    fn version(&self) -> Option<&str> {
        self.version()
    }

    fn usage(&self) -> Option<Usage> {
        self.usage()
    }
}

impl CallOutcome for Readiness {}
impl CallOutcome for ModelMetadata {}
impl CallOutcome for ModelList {}
impl CallOutcome for ServerMetadata {}
impl CallOutcome for UsageReport {}

/// How a call was answered, for the span.
#[derive(Clone, Copy)]
pub(super) struct CallCourse {
    pub(super) status: u16,
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
}

impl CallCourse {
    pub(super) fn of(completed: &CompletedCall) -> Self {
        let trace = &completed.trace;
        Self { status: completed.received.status, attempts: trace.attempts, elapsed: trace.elapsed }
    }
}

/// Starts the span of a call.
pub(super) fn start(method: &Method, url: &Url, model: Option<&str>, request_id: &str) -> Span {
    let span = info_span!(
        "amaas.call",
        otel.kind = "client",
        http.request.method = %method,
        server.address = url.host_str(),
        url.path = url.path(),
        gen_ai.request.model = Empty,
        amaas.request_id = request_id,
        http.response.status_code = Empty,
        error.type = Empty,
        otel.status_code = Empty,
        amaas.attempts = Empty,
        amaas.elapsed_ms = Empty,
        amaas.version = Empty,
        amaas.rows = Empty,
        amaas.tokens = Empty,
        amaas.billed_ms = Empty,
    );
    if let Some(model) = model {
        span.record("gen_ai.request.model", model);
    }
    span
}

/// Records the outcome of a call in its span.
pub(super) fn record<T: CallOutcome>(span: &Span, result: Result<(&T, CallCourse), &Error>) {
    let (status, attempts, elapsed) = match result {
        Ok((_, CallCourse { status, attempts, elapsed })) => (Some(status), attempts, elapsed),
        Err(error) => (error.status(), error.attempts(), error.elapsed()),
    };
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    span.record("amaas.attempts", attempts).record("amaas.elapsed_ms", elapsed_ms);
    match result {
        Ok((answer, _)) => {
            if let Some(version) = answer.version() {
                span.record("amaas.version", version);
            }
            if let Some(usage) = answer.usage() {
                span.record("amaas.rows", usage.rows).record("amaas.billed_ms", usage.billed_ms);
                if let Some(tokens) = usage.tokens {
                    span.record("amaas.tokens", tokens);
                }
            }
            debug!("call answered");
        }
        Err(error) => {
            let kind = error.kind().name();
            span.record("error.type", kind).record("otel.status_code", "ERROR");
            info!(error.type = kind, %error, "call failed");
        }
    }
}
