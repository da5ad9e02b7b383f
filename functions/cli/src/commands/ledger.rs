//! `amaas ledger`.

use amaas_access::SignedRecords;

use crate::arguments::LedgerCommand;
use crate::error::CliError;
use crate::output;
use crate::settings::{LedgerOpenMode, Settings};

pub(crate) async fn run(settings: &Settings, ledger: LedgerCommand) -> Result<(), CliError> {
    let LedgerCommand::Sign { accounts } = ledger;
    let SignedRecords { tenants, keys, prices } =
        settings.accounts(&accounts, LedgerOpenMode::Existing).await?.sign().await?;
    if settings.json {
        return output::json(&serde_json::json!({ "signed": { "tenants": tenants, "keys": keys, "prices": prices } }));
    }
    output::line(format_args!(
        "signed: tenants {tenants}, keys {keys}, prices {prices}; `amaas tenants list`, `amaas keys list` and `amaas prices list` show them"
    ))
}
