//! Variable-length integers (RFC 9000 §16) of 1, 2, 4 or 8 bytes. The two high bits of the first byte give the length.
//!
//! The encoding of a value need not be the shortest. Binary HTTP allows longer ones (RFC 9292 §3), the chunk framing here does
//! not. So [`read`] also returns the number of bytes.

/// The value at the start of `bytes` and its length in bytes; `None` if bytes are missing.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = 1 << (first >> 6);
    let rest = bytes.get(1..len)?;
    let value = rest.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, len))
}

/// Appends `value` in its shortest encoding. It has to be below 2⁶², as every length in memory is.
pub(crate) fn write(value: u64, out: &mut Vec<u8>) {
    let (len, prefix) = match shortest(value) {
        1 => (1, 0),
        2 => (2, 1 << 14),
        4 => (4, 2 << 30),
        _ => (8, 3 << 62),
    };
    debug_assert!(value < 1 << 62, "a variable-length integer has 62 bits");
    out.extend_from_slice(&(value | prefix).to_be_bytes()[8 - len..]);
}

/// The length of the shortest encoding of `value`.
pub(crate) fn shortest(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_9000_appendix_a1() {
        for (bytes, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(read(bytes), Some((value, bytes.len())));
            let mut out = Vec::new();
            write(value, &mut out);
            assert_eq!(out, bytes);
            assert_eq!(read(&bytes[..bytes.len() - 1]), None, "a missing byte");
        }
        // The same appendix: two bytes for a value that fits one.
        assert_eq!(read(&[0x40, 0x25]), Some((37, 2)));
    }

    #[test]
    fn the_edges_of_each_length() {
        for value in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
            let mut out = Vec::new();
            write(value, &mut out);
            assert_eq!(out.len(), shortest(value));
            assert_eq!(read(&out), Some((value, out.len())), "{value}");
        }
    }
}
