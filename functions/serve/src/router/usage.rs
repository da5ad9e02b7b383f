//! `GET /v1/usage`: the usage of the caller's tenant.

use amaas_wire::usage::UsageBy;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::Response;
use serde::Deserialize;

use crate::error::Error;
use crate::reply::json;
use crate::request::Caller;
use crate::state::AppState;
use amaas_access::meter::{ReportError, UtcDay, report};
use amaas_access::quota::QuotaError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageQuery {
    since: Option<String>,
    until: Option<String>,
    by: Option<String>,
}

/// The route. It has no parameter for the tenant: a caller sees its own tenant only.
pub(super) async fn usage(
    State(state): State<AppState>,
    caller: Caller,
    parameters: Result<Query<UsageQuery>, QueryRejection>,
) -> Result<Response<Body>, Error> {
    let expected = "the query: expected since, until and by, each once at most";
    let Query(parameters) = parameters.map_err(|_| Error::invalid(expected.to_owned()))?;
    let now = state.meter().now();
    let until = day("until", parameters.until)?.unwrap_or_else(|| UtcDay::at(now));
    let since = day("since", parameters.since)?.unwrap_or_else(|| until.first_of_month());
    let by = match parameters.by.as_deref() {
        None | Some("model") => UsageBy::Model,
        Some("version") => UsageBy::Version,
        Some("key") => UsageBy::Key,
        Some(_) => return Err(invalid("by", "expected model, version or key")),
    };
    let _alone = state.gate().acquire_report_turn(caller.tenant()).await?;
    // The report includes all calls that this process answered so far.
    let unavailable = |internal: String| Error::Quota(QuotaError::UsageUnavailable { internal });
    state.meter().flush_for_report().await.map_err(|error| unavailable(error.to_string()))?;
    let ledger = state.directory().accounts().ledger();
    match report(&**ledger, caller.tenant(), (since, until), by, now).await {
        Ok(report) => json(&report),
        Err(ReportError::Ledger(error)) => Err(unavailable(error.to_string())),
        Err(error) => Err(invalid("since", &error.to_string())),
    }
}

fn day(param: &'static str, text: Option<String>) -> Result<Option<UtcDay>, Error> {
    text.map(|text| text.parse()).transpose().map_err(|error| invalid(param, &format!("{error}")))
}

fn invalid(param: &'static str, message: &str) -> Error {
    Error::parameter(param, format!("{param}: {message}"))
}
