//! The `amaas` program as people run it.

mod dev;
mod failures;
mod package;
mod private;
mod program;
