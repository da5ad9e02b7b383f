//! `amaas usage`.

mod sparkline;
mod table;

use amaas::{UsageBy, UsageQuery, UsageReport};
use amaas_access::meter::{UtcDay, report};
use amaas_access::{Accounts, TenantName, now};

pub(crate) use self::table::text;
use crate::arguments::UsageArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, usage: UsageArguments) -> Result<(), CliError> {
    let UsageArguments { by, since, until, tenant, all_tenants, ledger } = usage;
    if tenant.is_none() && !all_tenants {
        if ledger.ledger.is_some() {
            return Err(CliError::usage(
                "--ledger goes with --tenant or --all-tenants; without them the service is asked",
            ));
        }
        let report = settings.client()?.usage(&query(by.into(), since, until)).await?;
        return if settings.json { output::json(&report) } else { output::line(text(&[report])) };
    }
    let accounts = settings.accounts_to_read(&ledger).await?;
    let days = days(since, until);
    if let Some(tenant) = tenant {
        if accounts.tenant(&tenant).await?.is_none() {
            return Err(CliError::no_tenant(&tenant));
        }
        let report = of_tenant(&accounts, &tenant, days, by.into()).await?;
        return if settings.json { output::json(&report) } else { output::line(text(&[report])) };
    }
    let mut reports = Vec::new();
    for tenant in accounts.tenants().await? {
        reports.push(of_tenant(&accounts, &tenant.name, days, by.into()).await?);
    }
    if settings.json { output::json(&reports) } else { output::line(text(&reports)) }
}

/// The usage of a tenant in the ledger.
pub(crate) async fn of_tenant(
    accounts: &Accounts,
    tenant: &TenantName,
    days: (UtcDay, UtcDay),
    by: UsageBy,
) -> Result<UsageReport, CliError> {
    Ok(report(&**accounts.ledger(), tenant, days, by, milliseconds()).await?)
}

/// The days of the report, by the service's rules.
pub(crate) fn days(since: Option<UtcDay>, until: Option<UtcDay>) -> (UtcDay, UtcDay) {
    let until = until.unwrap_or_else(today);
    (since.unwrap_or_else(|| until.first_of_month()), until)
}

fn query(by: UsageBy, since: Option<UtcDay>, until: Option<UtcDay>) -> UsageQuery {
    let query = UsageQuery::default().by(by);
    let query = since.into_iter().fold(query, |query, day| query.since(day.to_string()));
    until.into_iter().fold(query, |query, day| query.until(day.to_string()))
}

fn today() -> UtcDay {
    UtcDay::at(milliseconds())
}

fn milliseconds() -> u64 {
    now().saturating_mul(1000)
}
