//! Randomness of the operating system, without a panic where there is none.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};

use super::OhttpError;

/// HPKE takes generators that cannot fail. This one gives zeros where the operating system fails and remembers it, so
/// that whatever was made of them can be thrown away: see [`SystemRandom::with`].
pub(super) struct SystemRandom {
    failed: bool,
}

impl SystemRandom {
    /// Runs `make`, and gives its result only when all the randomness that it drew was random.
    pub(super) fn with<T>(make: impl FnOnce(&mut Self) -> Result<T, OhttpError>) -> Result<T, OhttpError> {
        let mut random = Self { failed: false };
        let result = make(&mut random);
        if random.failed { Err(OhttpError::Random) } else { result }
    }
}

impl TryRng for SystemRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if getrandom::fill(bytes).is_err() {
            bytes.fill(0);
            self.failed = true;
        }
        Ok(())
    }
}

impl TryCryptoRng for SystemRandom {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_of_what_was_not_random() {
        assert_eq!(SystemRandom::with(|_| Ok(1)), Ok(1));
        let failing = SystemRandom::with(|random| {
            random.failed = true;
            Ok(1)
        });
        assert_eq!(failing, Err(OhttpError::Random));
    }
}
