//! Idempotency keys: a call with one runs once, and repeats get the stored response.

mod layer;

pub(crate) use self::layer::{NamedModel, once, runs_once};
