//! Random ids and jitter, from the operating system.

use crate::error::{Error, ErrorKind};

/// 128 random bits in hexadecimal: a request id or an idempotency key.
pub(crate) fn id() -> Result<String, Error> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits)
        .map_err(|error| Error::new(ErrorKind::Config, "the operating system gave no randomness").with_source(error))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}

/// A random number from 0 to 1, both included.
#[allow(clippy::cast_precision_loss)] // the lost bits do not matter to a waiting time
pub(crate) fn fraction() -> f64 {
    // Without randomness the wait is full, so that clients never retry at once.
    getrandom::u64().map_or(1.0, |bits| bits as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_128_bits_and_differ() {
        let (a, b) = (id().expect("random"), id().expect("random"));
        assert_eq!(a.len(), 32);
        assert_ne!(a, b);
    }

    #[test]
    fn fractions_stay_in_bounds() {
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&fraction())));
    }
}
