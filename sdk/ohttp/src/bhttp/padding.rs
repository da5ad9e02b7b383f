//! How long a message is made, so that its length tells less about what it says.

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
    /// Up to the next bucket: the length is rounded up to a multiple of an eighth of the greatest power of two that is
    /// not above it, and of 32 at least. That adds 12.5 % at most to a message of 256 bytes or more, and leaves eight
    /// lengths between a power of two and the next.
    #[default]
    Bucket,
    /// None.
    Off,
}

impl Padding {
    /// The length in bytes that a message of `len` bytes is brought to.
    pub fn padded(self, len: usize) -> usize {
        match self {
            Self::Off => len,
            Self::Bucket => len.next_multiple_of((1 << len.max(1).ilog2() >> 3).max(SMALLEST_STEP)),
        }
    }
}

/// Short messages differ by a few bytes, which is where a length tells the most.
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
