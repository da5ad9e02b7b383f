//! The source of randomness of a message.

use rand_core::CryptoRng;

use crate::error::OhttpError;

/// The operating system, or a given random number generator.
pub(crate) enum RandomSource<'a> {
    System,
    Given(&'a mut dyn CryptoRng),
}

impl RandomSource<'_> {
    /// Fills `bytes`, or fails without a fallback.
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
