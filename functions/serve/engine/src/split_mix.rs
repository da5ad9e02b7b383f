//! `SplitMix64` (Steele, Lea, Flood 2014), the seeded generator of sampling and of synthetic inputs.
//!
//! Invariant: a seed gives the same numbers in every build and version, which clients rely on. `rand` does not promise
//! that for its generators.

/// A pseudorandom sequence. It is not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, of all 64 bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number from 0 up to, but not including, 1.
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    pub(crate) fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // Sebastiano Vigna's C implementation (prng.di.unimi.it/splitmix64.c), seed 1234567.
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        let mut numbers = SplitMix64::new(1_234_567);
        assert_eq!(expected.map(|_| numbers.next_u64()), expected);
        let first = SplitMix64::new(1_234_567).next_f64();
        assert!((first - 0.350_079_542_021_408).abs() < 1e-12, "{first}");
    }
}
