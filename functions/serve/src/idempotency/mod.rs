//! Idempotency keys: a call with one runs once, and repeats get the stored response.

mod layer;

pub(crate) use self::layer::{idempotency_layer, reserve_request, run_once, runs_once};
