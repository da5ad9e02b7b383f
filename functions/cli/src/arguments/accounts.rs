//! `amaas tenants`, `amaas prices` and `amaas usage`.

use std::str::FromStr;

use amaas::UsageBy;
use amaas_access::meter::UtcDay;
use amaas_access::{Limit, LimitError, Money, TenantName};
use amaas_store::ModelName;
use clap::{Args, Subcommand, ValueEnum};

#[derive(Args)]
pub(crate) struct LedgerArguments {
    /// The ledger, sqlite:PATH or dynamodb:TABLE [env: AMAAS_LEDGER] [default: that of `amaas dev`]
    #[arg(long, value_name = "LEDGER")]
    pub(crate) ledger: Option<String>,
}

/// The ledger and its key, for commands that verify or sign accounts.
#[derive(Args)]
pub(crate) struct AccountsArguments {
    #[command(flatten)]
    pub(crate) ledger: LedgerArguments,
    /// The key that wraps the ledger's secrets, as functions have it: a key of KMS or file:PATH [env: AMAAS_KMS_KEY] [default: that of
    /// `amaas dev`]
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Sign the tenants, keys and prices of a ledger of an earlier version without changes; verify those of a later one
    Sign {
        #[command(flatten)]
        accounts: AccountsArguments,
    },
}

#[derive(Subcommand)]
pub(crate) enum TenantsCommand {
    /// Make a tenant
    Create {
        /// Its name
        name: TenantName,
        #[command(flatten)]
        terms: TenantTerms,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// List tenants
    List {
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Show a tenant: limits, budget, keys, and this month's usage
    Show {
        /// Its name
        name: TenantName,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Change limits and budget of a tenant; functions apply them within 60 s
    #[command(override_usage = "amaas tenants set [OPTIONS] <NAME> <--limit|--no-limit|--budget|--no-budget>...")]
    Set {
        /// Its name
        name: TenantName,
        #[command(flatten)]
        change: TenantChange,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Refuse a tenant's calls, within 60 s; keys and usage stay
    Suspend {
        /// Its name
        name: TenantName,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Accept a suspended tenant's calls again
    Resume {
        /// Its name
        name: TenantName,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
}

#[derive(Args)]
pub(crate) struct TenantTerms {
    /// A limit, [MODEL:]requests|units/minute|month=NUMBER, such as embed:units/minute=90000; may be given again [default: none]
    #[arg(long = "limit", value_name = "LIMIT")]
    pub(crate) limits: Vec<Limit>,
    /// The most that its calls may cost in a calendar month (UTC) [default: no bound]
    #[arg(long, value_name = "MONEY")]
    pub(crate) budget: Option<Money>,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct TenantChange {
    /// A limit, [MODEL:]requests|units/minute|month=NUMBER, in place of the one of the same name; may be given again
    #[arg(long = "limit", value_name = "LIMIT")]
    pub(crate) limits: Vec<Limit>,
    /// A limit to remove, by its name, such as requests/minute; may be given again
    #[arg(long = "no-limit", value_name = "LIMIT")]
    pub(crate) no_limits: Vec<LimitName>,
    /// The most that its calls may cost in a calendar month (UTC)
    #[arg(long, value_name = "MONEY")]
    pub(crate) budget: Option<Money>,
    /// No bound on what its calls may cost
    #[arg(long, conflicts_with = "budget")]
    pub(crate) no_budget: bool,
}

/// A limit without its number.
#[derive(Clone, Debug)]
pub(crate) struct LimitName(Limit);

impl LimitName {
    /// Whether `limit` has this name.
    pub(crate) fn is_of(&self, limit: &Limit) -> bool {
        self.0.replaces(limit)
    }
}

impl FromStr for LimitName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit = format!("{text}=0").parse().map_err(|_: LimitError| {
            "expected [MODEL:]requests|units/minute|month, such as requests/minute, without a number".to_owned()
        });
        limit.map(Self)
    }
}

#[derive(Subcommand)]
pub(crate) enum PricesCommand {
    /// List the prices; calls to other models cost nothing
    List {
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Set the price of calls to a model from now on; functions apply it within 60 s
    Set {
        /// The model's name
        model: ModelName,
        #[command(flatten)]
        change: PriceChange,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
}

#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct PriceChange {
    /// The price of a call [default: as before]
    #[arg(long, value_name = "MONEY")]
    pub(crate) call: Option<Money>,
    /// The price of a unit: a token if the model's task counts tokens, else a row [default: as before]
    #[arg(long, value_name = "MONEY")]
    pub(crate) unit: Option<Money>,
}

#[derive(Args)]
pub(crate) struct UsageArguments {
    /// The grouping of rows
    #[arg(long, value_enum, default_value_t = UsageGrouping::Model)]
    pub(crate) by: UsageGrouping,
    /// The first day, such as 2026-11-01, in UTC [default: the first of the last day's month]
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<UtcDay>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<UtcDay>,
    /// Read the usage of this tenant out of the ledger [default: ask the service for that of the key's tenant]
    #[arg(long, value_name = "NAME", conflicts_with = "all_tenants")]
    pub(crate) tenant: Option<TenantName>,
    /// Read the usage of every tenant out of the ledger
    #[arg(long)]
    pub(crate) all_tenants: bool,
    #[command(flatten)]
    pub(crate) ledger: LedgerArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum UsageGrouping {
    Model,
    Version,
    Key,
}

impl From<UsageGrouping> for UsageBy {
    fn from(by: UsageGrouping) -> Self {
        match by {
            UsageGrouping::Model => Self::Model,
            UsageGrouping::Version => Self::Version,
            UsageGrouping::Key => Self::Key,
        }
    }
}
