//! `amaas keys`.

use amaas_access::{KeyId, Money, RouteScope, TenantName};
use amaas_store::ModelName;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::{AccountsArguments, AtLeast, StoreArguments};

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and show it, this once
    Create(CreateKey),
    /// List keys, by id: the keys themselves are not stored
    List(ListKeys),
    /// Revoke a key; functions refuse it within 60 s
    Revoke {
        /// The key's id, as `amaas keys list` shows it
        id: KeyId,
        #[command(flatten)]
        accounts: AccountsArguments,
    },
    /// Make new sealing keys for calls to a model: they are offered in a minute, and the old ones stay valid for a while
    Rotate(RotateKeys),
    /// Show the keys that sign a model's sealing keys, for clients to pin in AMAAS_SIGNERS
    Signer {
        /// The model's name; "dev" for all models of `amaas dev`
        model: ModelName,
        /// The key that wraps and authenticates the keys: a key of KMS or file:PATH [env: AMAAS_KMS_KEY] [default: that of
        /// `amaas dev`]
        #[arg(long, value_name = "KEY")]
        kms_key: Option<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
}

#[derive(Args)]
pub(crate) struct CreateKey {
    /// The tenant of the key; a missing one is made, without limits
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: TenantName,
    /// The key's name: a tenant has at most two live keys of one name, so that a key can be rotated
    #[arg(long, default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// The environment in the key: lower-case letters and digits
    #[arg(long, default_value = "live")]
    pub(crate) environment: String,
    /// A model that the key may use; may be given again [default: all]
    #[arg(long = "model", value_name = "MODEL")]
    pub(crate) models: Vec<ModelName>,
    /// Routes that the key may use: predict, infer, embeddings, rerank, completions, models or usage; may be given again [default: all]
    #[arg(long = "route", value_name = "ROUTE")]
    pub(crate) routes: Vec<RouteScope>,
    /// The most that calls with the key may cost in a calendar month (UTC) [default: as the tenant's]
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
    /// Revoked keys too, which are kept for 90 days
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) accounts: AccountsArguments,
}

#[derive(Args)]
pub(crate) struct RotateKeys {
    /// The model's name; "dev" for all models of `amaas dev`
    pub(crate) model: ModelName,
    /// Hours for which the old keys stay valid
    #[arg(long, value_name = "HOURS", default_value = "48")]
    pub(crate) overlap: AtLeast<0>,
    /// Rotate the key that signs the list of keys as well, which clients pin; both sign meanwhile
    #[arg(long)]
    pub(crate) signer: bool,
    /// Take over unauthenticated keys of an earlier version of amaas: compare the signers with those that clients pin
    #[arg(long)]
    pub(crate) adopt: bool,
    /// The key that wraps them: a key of KMS or file:PATH [env: AMAAS_KMS_KEY] [default: that of `amaas dev`]
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}
