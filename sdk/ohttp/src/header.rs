//! The first bytes of a sealed request (RFC 9458 §4.1): the id of the key, and the ids of its KEM, KDF and AEAD.

use crate::suite::Suite;

/// Bytes of the key id and the three algorithm ids.
pub(crate) const HEADER_LEN: usize = 7;

pub(crate) fn write(key_id: u8, suite: Suite) -> [u8; HEADER_LEN] {
    let mut header = [key_id; HEADER_LEN];
    for (two, id) in header[1..].chunks_exact_mut(2).zip([suite.kem(), suite.kdf(), suite.aead()]) {
        two.copy_from_slice(&id.to_be_bytes());
    }
    header
}

/// The ids of the key, and of its KEM, KDF and AEAD.
pub(crate) fn read(header: [u8; HEADER_LEN]) -> (u8, [u16; 3]) {
    let id = |at| u16::from_be_bytes([header[at], header[at + 1]]);
    (header[0], [id(1), id(3), id(5)])
}
