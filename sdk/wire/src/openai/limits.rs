//! Bounds on the members that several requests have, and texts about them.

use super::error::RequestError;

/// Refuses a model name that is too long, because errors and logs repeat the name.
pub(super) fn check_model_name(model: &str) -> Result<(), RequestError> {
    let got = model.len();
    if got <= MAX_MODEL_NAME_LEN {
        return Ok(());
    }
    Err(RequestError::of("model", format!("model: expected at most {MAX_MODEL_NAME_LEN} bytes, got {got}")))
}

/// The most bytes of a model name.
const MAX_MODEL_NAME_LEN: usize = 256;

/// What is expected in place of token ids, which other services accept.
pub(super) const TEXT_ONLY: &str = "a text (token ids are not taken here: each model has a tokenizer of its own)";
