//! Padding of messages, so that their length reveals less about their content.

/// Whether zeros follow the message (RFC 9292 §3.8).
///
/// ```
/// use amaas_ohttp::bhttp::Padding;
///
/// assert_eq!(Padding::Bucket.padded(1), 32);
/// assert_eq!(Padding::Bucket.padded(1_000), 1_024); // steps of 64 between 512 and 1024
/// assert_eq!(Padding::Bucket.padded(1_025), 1_152); // steps of 128 between 1024 and 2048
/// assert_eq!(Padding::Off.padded(1_025), 1_025);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Up to the next bucket. The length is rounded up to a multiple of an eighth of the greatest power of two that is not above
    /// it, and of at least 32. That adds at most 12.5 % to a message of 256 bytes or more, and leaves eight lengths between two
    /// powers of two.
    #[default]
    Bucket,
    /// None.
    Off,
}

impl Padding {
    /// The padded length of a message of `len` bytes.
    pub fn padded(self, len: usize) -> usize {
        match self {
            Self::Off => len,
            Self::Bucket => len.next_multiple_of((1 << len.max(1).ilog2() >> 3).max(SMALLEST_STEP)),
        }
    }
}

/// The least step. Short messages differ by a few bytes, so their lengths would reveal the most.
const SMALLEST_STEP: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cost_an_eighth_at_most_and_are_their_own_bucket() {
        for len in 1..70_000 {
            let padded = Padding::Bucket.padded(len);
            assert!(padded >= len);
            assert!(padded - len < 32 || (padded - len) * 8 <= len, "{len} to {padded}");
            assert_eq!(Padding::Bucket.padded(padded), padded);
        }
    }
}
