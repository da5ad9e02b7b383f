//! `amaas keys`.

mod list;
mod sealing;

use amaas::ApiKey;
use amaas_access::{KeyId, KeyScope, KeyTerms, now};

pub(crate) use self::list::{ListedKey, table};
use crate::arguments::{AccountsArguments, CreateKey, KeysCommand, ListKeys};
use crate::error::CliError;
use crate::output;
use crate::settings::{LedgerOpenMode, Settings};

pub(crate) async fn run(settings: &Settings, keys: KeysCommand) -> Result<(), CliError> {
    match keys {
        KeysCommand::Create(arguments) => create(settings, arguments).await,
        KeysCommand::List(arguments) => list(settings, arguments).await,
        KeysCommand::Revoke { id, accounts } => revoke(settings, &id, &accounts).await,
        KeysCommand::Rotate(arguments) => sealing::rotate(settings, arguments).await,
        KeysCommand::Signer { model, kms_key, store } => {
            sealing::signer(settings, &model, kms_key.as_deref(), &store).await
        }
    }
}

async fn create(settings: &Settings, arguments: CreateKey) -> Result<(), CliError> {
    let CreateKey { tenant, name, environment, models, routes, max_cost, expires, accounts } = arguments;
    let key = ApiKey::generate(&environment).map_err(CliError::usage)?;
    let accounts = settings.accounts(&accounts, LedgerOpenMode::New).await?;
    let scope = KeyScope {
        models: (!models.is_empty()).then(|| models.into_iter().collect()),
        routes: (!routes.is_empty()).then(|| routes.into_iter().collect()),
        max_cost,
    };
    let expires = expires.map(|days| now() + u64::from(days.0) * SECONDS_A_DAY);
    let record = accounts.add_key(&key, KeyTerms { tenant, name, expires, scope }).await?;
    if settings.json {
        let record = ListedKey::at(now(), &record);
        return output::json(&serde_json::json!({ "key": key.expose(), "record": record }));
    }
    output::line(key.expose())?;
    output::note(format_args!("key {} of tenant {}; it is kept nowhere, so keep it now", record.id, record.tenant));
    Ok(())
}

async fn list(settings: &Settings, arguments: ListKeys) -> Result<(), CliError> {
    let accounts = settings.accounts(&arguments.accounts, LedgerOpenMode::Existing).await?;
    let tenants = match arguments.tenant {
        Some(tenant) if accounts.tenant(&tenant).await?.is_none() => return Err(CliError::no_tenant(&tenant)),
        Some(tenant) => vec![tenant],
        None => accounts.tenants().await?.into_iter().map(|tenant| tenant.name).collect(),
    };
    let mut records = Vec::new();
    for tenant in tenants {
        records.extend(accounts.keys_of(&tenant).await?);
    }
    records.retain(|record| arguments.all || record.revoked.is_none());
    let now = now();
    let keys: Vec<_> = records.iter().map(|record| ListedKey::at(now, record)).collect();
    if settings.json { output::json(&keys) } else { output::line(table(&keys)) }
}

async fn revoke(settings: &Settings, id: &KeyId, arguments: &AccountsArguments) -> Result<(), CliError> {
    let accounts = settings.accounts(arguments, LedgerOpenMode::Existing).await?;
    if !accounts.revoke(id).await? {
        return Err(match accounts.key(id).await? {
            Some(record) => CliError::new(format!("key {id} of tenant {} was revoked before", record.tenant)),
            None => CliError::new(format!("there is no key {id}")).hint("`amaas keys list` shows the ids"),
        });
    }
    if settings.json {
        return output::json(&serde_json::json!({ "revoked": id }));
    }
    output::line(format_args!("revoked {id}; functions refuse it within 60 s"))
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;
