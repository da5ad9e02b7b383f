//! One file for each command.

pub(crate) mod alias;
pub(crate) mod dev;
pub(crate) mod env;
pub(crate) mod estimate;
pub(crate) mod infer;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod models;
pub(crate) mod package;
pub(crate) mod predict;
pub(crate) mod prices;
pub(crate) mod publish;
pub(crate) mod receipt;
pub(crate) mod signer;
pub(crate) mod store;
pub(crate) mod tenants;
pub(crate) mod usage;
