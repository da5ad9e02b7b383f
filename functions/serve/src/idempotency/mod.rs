//! Idempotency keys: a call with one runs once, and repeats get the stored response.

mod layer;

pub(crate) use self::layer::{once, run_once, runs_once, take_request};
