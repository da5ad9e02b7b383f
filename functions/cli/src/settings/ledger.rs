//! Opens the accounts in the ledger.

use std::sync::Arc;

use amaas_access::Accounts;
use amaas_ledger::Ledger;
use amaas_ledger::LedgerLocation;
use amaas_local::env_variables::{KMS_KEY, LEDGER};
use amaas_store::vault::Vault;

use super::Settings;
use crate::arguments::{AccountsArguments, LedgerArguments};
use crate::error::CliError;

/// Whether a missing ledger file is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LedgerOpenMode {
    /// It is created.
    New,
    /// It is an error: the name was probably mistyped.
    Existing,
}

impl Settings {
    /// The accounts in the ledger, unverified, for commands that only read usage and so need no vault.
    pub(crate) async fn accounts_to_read(&self, arguments: &LedgerArguments) -> Result<Accounts, CliError> {
        Ok(Accounts::without_vault(self.ledger(arguments, LedgerOpenMode::Existing).await?))
    }

    /// The accounts in the ledger, for commands that verify or sign them.
    pub(crate) async fn accounts(
        &self,
        arguments: &AccountsArguments,
        opens: LedgerOpenMode,
    ) -> Result<Accounts, CliError> {
        let AccountsArguments { ledger, kms_key } = arguments;
        let key = self.setting_for_place((LEDGER, ledger.ledger.as_deref()), kms_key.as_deref(), KMS_KEY)?.ok_or_else(
            || {
                CliError::usage("nothing unwraps the ledger's secrets: neither --kms-key nor AMAAS_KMS_KEY is given")
                    .hint(
                        "the key of KMS (id, ARN or alias/NAME) or the file:PATH that functions have as AMAAS_KMS_KEY",
                    )
            },
        )?;
        let vault = Vault::open(&key).await?;
        Ok(Accounts::new(self.ledger(ledger, opens).await?, vault))
    }

    async fn ledger(&self, arguments: &LedgerArguments, opens: LedgerOpenMode) -> Result<Arc<dyn Ledger>, CliError> {
        let text = if let Some(named) = self.named(LEDGER, arguments.ledger.as_deref()) {
            named
        } else {
            let file = self.file()?;
            let text = file.own_file(LEDGER)?;
            self.report_source(&file, &format!("ledger {text}"), &[KMS_KEY]);
            text
        };
        let location: LedgerLocation = text.parse().map_err(|()| {
            CliError::usage(format!("--ledger or {LEDGER}: expected sqlite:PATH or dynamodb:TABLE, got {text:?}"))
        })?;
        if let LedgerLocation::Sqlite(path) = &location
            && opens == LedgerOpenMode::Existing
            && !path.exists()
        {
            let failure = CliError::usage(format!("there is no ledger {}", path.display()));
            return Err(failure.hint("`amaas keys create` and `amaas tenants create` make one"));
        }
        Ok(amaas_ledger::open(&location).await?)
    }
}
