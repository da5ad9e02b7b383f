//! `amaas tenants show`.

use amaas::UsageBy;
use amaas_access::{Money, TenantName, now};

use super::described;
use crate::arguments::AccountsArguments;
use crate::commands::{keys, usage};
use crate::error::CliError;
use crate::output;
use crate::settings::{LedgerOpenMode, Settings};

pub(super) async fn run(settings: &Settings, name: &TenantName, arguments: &AccountsArguments) -> Result<(), CliError> {
    let accounts = settings.accounts(arguments, LedgerOpenMode::Existing).await?;
    let tenant = accounts.tenant(name).await?.ok_or_else(|| CliError::no_tenant(name))?;
    let report = usage::of_tenant(&accounts, name, usage::days(None, None), UsageBy::Model).await?;
    let (records, now) = (accounts.keys_of(name).await?, now());
    let not_revoked = records.iter().filter(|record| record.revoked.is_none());
    let keys: Vec<_> = not_revoked.map(|record| keys::ListedKey::at(now, record)).collect();
    if settings.json {
        return output::json(&serde_json::json!({ "tenant": tenant, "keys": keys, "usage": report }));
    }
    let cost = Money::from_nanos(report.total.cost_nanos).to_string();
    output::line(format_args!("{}\n", described(&tenant, [("cost this month", cost)])))?;
    output::line(format_args!("{}\n", keys::table(&keys)))?;
    output::line(usage::text(&[report]))
}
