//! Random ids of responses.

use crate::error::Error;

/// A new id that begins with `kind`.
pub(super) fn response_id(kind: &str) -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("operating system randomness unavailable"))?;
    Ok(format!("{kind}-{:032x}", u128::from_be_bytes(bytes)))
}
