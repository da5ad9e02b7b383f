//! The `amaas` program, run as users run it.

mod base;
mod calls;
mod dev;
mod env;
mod estimate;
mod exports;
mod failures;
mod image;
mod inspect;
mod keys;
mod ledger;
mod models;
mod package;
mod prices;
mod private;
mod program;
mod receipt;
mod sample;
mod sources;
mod tenants;
mod usage;
