//! Why JSON cannot be read, in words that name the place, and never a value or a Rust type.
//!
//! `serde_json` names line and column of a fault, but not the member. So the path is found afterwards: the text up to the fault is
//! scanned once more. That costs nothing if there is no fault.

mod fault;
mod path;

pub(crate) use fault::{JsonFault, unreadable_value};
