//! Where the randomness of a message comes from.

use rand_core::CryptoRng;

use crate::error::OhttpError;

/// The operating system, or a generator of the caller's.
pub(crate) enum Random<'a> {
    System,
    Given(&'a mut dyn CryptoRng),
}

impl Random<'_> {
    /// Fills `bytes`, or fails: what could not be random is never used.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<(), OhttpError> {
        match self {
            Self::System => getrandom::fill(bytes).map_err(|_| OhttpError::Random),
            Self::Given(random) => {
                random.fill_bytes(bytes);
                Ok(())
            }
        }
    }
}
