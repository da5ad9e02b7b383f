//! Lower-case hexadecimal.

/// Writes `bytes` as lower-case digits.
///
/// ```
/// assert_eq!(amaas_wire::hex::encode(&[0x0a, 0xff]), "0aff");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Reads exactly `N` bytes from lower-case digits; `None` for any other text.
///
/// ```
/// assert_eq!(amaas_wire::hex::decode("0aff"), Some([0x0a, 0xff]));
/// assert_eq!(amaas_wire::hex::decode::<2>("0aff00"), None);
/// assert_eq!(amaas_wire::hex::decode::<2>("0AFF"), None);
/// ```
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read_as_it_is_written() {
        for byte in 0..=255 {
            assert_eq!(decode(&encode(&[byte, !byte])), Some([byte, !byte]));
        }
        assert_eq!(decode(""), Some([]));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["0", "00", "000", "0000 ", "00g0", "000G", "00é"] {
            assert_eq!(
                decode::<2>(text).is_some(),
                text.len() == 4 && text.is_ascii() && !text.contains(['g', 'G']),
                "{text}"
            );
        }
    }
}
