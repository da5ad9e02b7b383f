//! The parts of the `amaas` command that other programs of this workspace use too.

pub mod object_store;
pub mod served;
pub mod shelf;
pub mod watch;
