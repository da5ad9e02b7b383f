//! `amaas keys`.

use amaas_access::{KeyId, Money, RouteScope, TenantName};
use amaas_store::ModelName;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::{AccountsArguments, AtLeast, StoreArguments};

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key and show it, this once
    Create(CreateKey),
    /// List keys, by id: the keys themselves are kept nowhere
    List(ListKeys),
    /// Revoke a key; functions refuse it within 60 s
    Revoke {
        /// The key's id, as `amaas keys list` shows it
        id: KeyId,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Make new keys that calls to a model are sealed to: offered in a minute, the old ones stay good for a while
    Rotate(RotateKeys),
    /// Show whose signature callers should ask of a model's keys, for AMAAS_SIGNERS
    Signer {
        /// The model's name; "dev" for all models of `amaas dev`
        model: ModelName,
        /// What wraps the keys, by which they are verified: a key of KMS or file:PATH [env: AMAAS_KMS_KEY] [default: that of
        /// `amaas dev`]
        #[arg(long, value_name = "KEY")]
        kms_key: Option<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
}

#[derive(Args)]
pub(crate) struct CreateKey {
    /// Whose key it is; a tenant that is not there is made, without limits
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: TenantName,
    /// What you call it: a tenant has at most two live keys of one name, the one in use and the one that follows it
    #[arg(long, default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// The environment in the key: lower-case letters and digits
    #[arg(long, default_value = "live")]
    pub(crate) environment: String,
    /// A model that the key may use; may be given again [default: all]
    #[arg(long = "model", value_name = "MODEL")]
    pub(crate) models: Vec<ModelName>,
    /// Routes that the key may use: predict, infer, embeddings, completions, models or usage; may be given again [default: all]
    #[arg(long = "route", value_name = "ROUTE")]
    pub(crate) routes: Vec<RouteScope>,
    /// What calls with the key may cost in a month of the calendar (UTC) [default: whatever the tenant's may]
    #[arg(long, value_name = "MONEY")]
    pub(crate) max_cost: Option<Money>,
    /// Days until it expires [default: never]
    #[arg(long, value_name = "DAYS")]
    pub(crate) expires: Option<AtLeast<1>>,
    #[command(flatten)]
    pub(crate) accounts: AccountsArguments,
}

#[derive(Args)]
pub(crate) struct ListKeys {
    /// The keys of this tenant only
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<TenantName>,
    /// Revoked ones too, which are remembered for 90 days
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) accounts: AccountsArguments,
}

#[derive(Args)]
pub(crate) struct RotateKeys {
    /// The model's name; "dev" for all models of `amaas dev`
    pub(crate) model: ModelName,
    /// Hours for which the old keys stay good
    #[arg(long, value_name = "HOURS", default_value = "48")]
    pub(crate) overlap: AtLeast<0>,
    /// Another key for whoever signs the list of keys, which callers pin; both sign meanwhile
    #[arg(long)]
    pub(crate) signer: bool,
    /// Take over keys of an earlier version of amaas, which nothing authenticated: compare the signers with those that callers pin
    #[arg(long)]
    pub(crate) adopt: bool,
    /// What wraps the keys: a key of KMS or file:PATH [env: AMAAS_KMS_KEY] [default: that of `amaas dev`]
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}
