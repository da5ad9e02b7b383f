//! `amaas tenants`.

mod show;

use amaas_access::{Limit, Tenant, TenantName, TenantStatus, now};

use crate::arguments::{AccountsArguments, TenantChange, TenantTerms, TenantsCommand};
use crate::error::CliError;
use crate::output::{self, date};
use crate::settings::{LedgerOpenMode, Settings};

pub(crate) async fn run(settings: &Settings, tenants: TenantsCommand) -> Result<(), CliError> {
    match tenants {
        TenantsCommand::Create { name, terms, accounts } => create(settings, name, terms, &accounts).await,
        TenantsCommand::List { accounts } => list(settings, &accounts).await,
        TenantsCommand::Show { name, accounts } => show::run(settings, &name, &accounts).await,
        TenantsCommand::Set { name, change, accounts } => {
            change_of(settings, &name, &accounts, |tenant| apply(&change, tenant)).await
        }
        TenantsCommand::Suspend { name, accounts } => {
            change_of(settings, &name, &accounts, |tenant| tenant.status = TenantStatus::Suspended).await
        }
        TenantsCommand::Resume { name, accounts } => {
            change_of(settings, &name, &accounts, |tenant| tenant.status = TenantStatus::Active).await
        }
    }
}

async fn create(
    settings: &Settings,
    name: TenantName,
    terms: TenantTerms,
    arguments: &AccountsArguments,
) -> Result<(), CliError> {
    let mut tenant = Tenant { budget: terms.budget, ..Tenant::new(name, now()) };
    limit(&mut tenant, &terms.limits);
    if !settings.accounts(arguments, LedgerOpenMode::New).await?.add_tenant(&tenant).await? {
        let failure = CliError::new(format!("there is a tenant {} already", tenant.name));
        return Err(failure.hint(format!("`amaas tenants set {}` changes it", tenant.name)));
    }
    print(settings, &tenant)
}

async fn list(settings: &Settings, arguments: &AccountsArguments) -> Result<(), CliError> {
    let tenants = settings.accounts(arguments, LedgerOpenMode::Existing).await?.tenants().await?;
    if settings.json {
        return output::json(&tenants);
    }
    let rows = tenants.iter().map(|tenant| {
        let limits: Vec<_> = tenant.limits.iter().map(Limit::to_string).collect();
        let limits = if limits.is_empty() { "none".to_owned() } else { limits.join(" ") };
        [tenant.name.to_string(), status(tenant).to_owned(), date(tenant.created), budget(tenant), limits]
    });
    output::line(output::table(["TENANT", "STATE", "CREATED", "BUDGET", "LIMITS"], rows))
}

/// Changes a tenant, and prints the result.
async fn change_of(
    settings: &Settings,
    name: &TenantName,
    arguments: &AccountsArguments,
    change: impl Fn(&mut Tenant) + Send,
) -> Result<(), CliError> {
    let accounts = settings.accounts(arguments, LedgerOpenMode::Existing).await?;
    let changed = accounts.change_tenant(name, move |tenant| {
        change(tenant);
        true
    });
    changed.await?;
    let tenant = accounts.tenant(name).await?.ok_or_else(|| CliError::no_tenant(name))?;
    print(settings, &tenant)?;
    if !settings.json {
        output::note("functions apply it within 60 s");
    }
    Ok(())
}

fn apply(change: &TenantChange, tenant: &mut Tenant) {
    tenant.limits.retain(|limit| !change.no_limits.iter().any(|name| name.is_of(limit)));
    limit(tenant, &change.limits);
    if change.no_budget {
        tenant.budget = None;
    }
    tenant.budget = change.budget.or(tenant.budget);
}

/// Adds limits. Each replaces the limit of the same name.
fn limit(tenant: &mut Tenant, limits: &[Limit]) {
    for limit in limits {
        tenant.limits.retain(|other| !limit.replaces(other));
        tenant.limits.push(limit.clone());
    }
}

fn print(settings: &Settings, tenant: &Tenant) -> Result<(), CliError> {
    if settings.json { output::json(tenant) } else { output::line(described(tenant, [])) }
}

/// A tenant in lines, followed by `more`.
fn described(tenant: &Tenant, more: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut rows =
        vec![("state", status(tenant).to_owned()), ("created", date(tenant.created)), ("budget", budget(tenant))];
    rows.extend(more);
    rows.extend(tenant.limits.iter().map(|limit| ("limit", limit.to_string())));
    output::table(["TENANT", tenant.name.as_str()], rows.into_iter().map(|(name, value)| [name.to_owned(), value]))
}

fn status(tenant: &Tenant) -> &'static str {
    match tenant.status {
        TenantStatus::Active => "active",
        TenantStatus::Suspended => "suspended",
    }
}

fn budget(tenant: &Tenant) -> String {
    tenant.budget.map_or_else(|| "none".to_owned(), |budget| format!("{budget} a month"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_says_takes_the_place_of_what_there_was() {
        let limits = |texts: &[&str]| -> Vec<Limit> { texts.iter().map(|text| text.parse().expect(text)).collect() };
        let mut tenant = Tenant::new("acme".parse().expect("a name"), 0);
        limit(
            &mut tenant,
            &limits(&["requests/minute=1", "units/month=5", "m:requests/minute=2", "requests/minute=3"]),
        );
        assert_eq!(tenant.limits, limits(&["units/month=5", "m:requests/minute=2", "requests/minute=3"]));

        let budget = "25".parse().ok();
        let no_limits = ["m:requests/minute", "units/month", "requests/month"];
        let no_limits = no_limits.map(|name| name.parse().expect(name)).into();
        let change = TenantChange { limits: limits(&["units/month=6"]), no_limits, budget, no_budget: false };
        apply(&change, &mut tenant);
        assert_eq!((&tenant.limits, tenant.budget), (&limits(&["requests/minute=3", "units/month=6"]), budget));

        let change = TenantChange { limits: Vec::new(), no_limits: Vec::new(), budget: None, no_budget: true };
        apply(&change, &mut tenant);
        assert_eq!((tenant.limits.len(), tenant.budget), (2, None));
    }
}
