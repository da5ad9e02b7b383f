//! Where accounts are.

use std::sync::Arc;

use amaas_serve::access::Accounts;
use amaas_serve::config::LedgerLocation;
use amaas_serve::ledger::{self, Ledger};
use amaas_serve::vault::Vault;

use super::{KMS_KEY, LEDGER, Settings};
use crate::arguments::LedgerArguments;
use crate::failure::Failure;

/// What happens where there is no file of the ledger's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opens {
    /// It is made.
    New,
    /// It was mistyped.
    Existing,
}

impl Settings {
    /// The accounts in the ledger, for commands that make no keys and so need no vault.
    pub(crate) async fn accounts(&self, arguments: &LedgerArguments, opens: Opens) -> Result<Accounts, Failure> {
        Ok(Accounts::without_vault(self.ledger(arguments, opens).await?))
    }

    /// The same for commands that make keys; `flag` is what `--kms-key` says.
    pub(crate) async fn accounts_with_vault(
        &self,
        arguments: &LedgerArguments,
        flag: Option<&str>,
    ) -> Result<Accounts, Failure> {
        let key = self.beside((LEDGER, arguments.ledger.as_deref()), flag, KMS_KEY)?.ok_or_else(|| {
            Failure::usage("nothing to wrap the ledger's secret with: neither --kms-key nor AMAAS_KMS_KEY is given")
                .try_this(
                    "the key of KMS (id, ARN or alias/NAME) or the file:PATH that functions have as AMAAS_KMS_KEY",
                )
        })?;
        let vault = Vault::open(&key).await?;
        Ok(Accounts::new(self.ledger(arguments, Opens::New).await?, vault))
    }

    async fn ledger(&self, arguments: &LedgerArguments, opens: Opens) -> Result<Arc<dyn Ledger>, Failure> {
        let text = match self.named(LEDGER, arguments.ledger.as_deref()) {
            Some(named) => named,
            None => {
                let file = self.file()?;
                let text = file.own(LEDGER)?;
                self.tell(&file, &format!("ledger {text}"), &[KMS_KEY]);
                text
            }
        };
        let location: LedgerLocation = text.parse().map_err(|()| {
            Failure::usage(format!("--ledger or {LEDGER}: expected sqlite:PATH or dynamodb:TABLE, got {text:?}"))
        })?;
        if let LedgerLocation::Sqlite(path) = &location
            && opens == Opens::Existing
            && !path.exists()
        {
            let failure = Failure::usage(format!("there is no ledger {}", path.display()));
            return Err(failure.try_this("`amaas keys create` and `amaas tenants create` make one"));
        }
        Ok(ledger::open(&location).await?)
    }
}
