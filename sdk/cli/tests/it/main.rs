//! The `amaas` program as people run it.

mod dev;
mod failures;
mod keys;
mod ledger;
mod package;
mod prices;
mod private;
mod program;
mod receipt;
mod tenants;
mod usage;
