//! The key schedule (RFC 9180 §5.1), in base mode.

use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::kdf::Labelled;
use super::kdf::Secret32;
use super::kem::{Public, Secret};
use crate::error::OhttpError;
use crate::random::Random;
use crate::suite::Suite;

/// What both sides of a message have once the key has been encapsulated.
pub(crate) struct Context {
    /// Seals on the one side, opens on the other.
    pub(crate) cipher: Cipher,
    exporter: Secret32,
    id: [u8; 10],
}

impl Context {
    /// The caller's context and the encapsulated key.
    pub(crate) fn send(key: &Public, info: &[u8], random: Random<'_>) -> Result<(Self, Vec<u8>), OhttpError> {
        let (shared, encapsulated) = key.encapsulate(random)?;
        Ok((Self::schedule(key.suite(), &shared, info), encapsulated))
    }

    /// The function's context.
    pub(crate) fn receive(key: &Secret, encapsulated: &[u8], info: &[u8]) -> Result<Self, OhttpError> {
        Ok(Self::schedule(key.suite(), &key.decapsulate(encapsulated)?, info))
    }

    /// A secret of the context (RFC 9180 §5.3).
    pub(crate) fn export(&self, label: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
        let mut secret = Zeroizing::new(vec![0; len]);
        Labelled(&self.id).expand(&self.exporter, b"sec", label, &mut secret);
        secret
    }

    fn schedule(suite: Suite, shared: &Secret32, info: &[u8]) -> Self {
        let id = suite_id(suite);
        let labelled = Labelled(&id);
        let psk_id_hash = labelled.extract(b"", b"psk_id_hash", b"");
        let info_hash = labelled.extract(b"", b"info_hash", info);
        let context = [&[BASE][..], psk_id_hash.as_slice(), info_hash.as_slice()].concat();
        let secret = labelled.extract(shared.as_slice(), b"secret", b"");
        let mut exporter = Zeroizing::new([0; 32]);
        labelled.expand(&secret, b"exp", &context, exporter.as_mut_slice());
        let cipher = Cipher::derive(suite, |key, nonce| {
            labelled.expand(&secret, b"key", &context, key);
            labelled.expand(&secret, b"base_nonce", &context, nonce);
        });
        Self { cipher, exporter, id }
    }
}

/// "HPKE" and the three ids.
fn suite_id(suite: Suite) -> [u8; 10] {
    let mut id = *b"HPKE\0\0\0\0\0\0";
    for (two, number) in id[4..].chunks_exact_mut(2).zip([suite.kem(), suite.kdf(), suite.aead()]) {
        two.copy_from_slice(&number.to_be_bytes());
    }
    id
}

/// The mode without a pre-shared key and without a key of the sender's.
const BASE: u8 = 0;
