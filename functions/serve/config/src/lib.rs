//! Variables of the environment: how each crate of a function reads its part of the configuration.

mod variable;

pub use self::variable::{ConfigError, POSITIVE, Variable, process};
