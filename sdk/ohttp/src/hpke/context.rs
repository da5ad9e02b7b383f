//! The key schedule (RFC 9180 §5.1), in base mode.

use zeroize::Zeroizing;

use super::cipher::AeadCipher;
use super::kdf::LabeledKdf;
use super::kdf::SecretBytes;
use super::kem::{KemPrivateKey, KemPublicKey};
use crate::error::OhttpError;
use crate::random::RandomSource;
use crate::suite::Suite;

/// The context of one side after key encapsulation.
pub(crate) struct HpkeContext {
    /// Seals on the client, opens on the server.
    pub(crate) cipher: AeadCipher,
    exporter: SecretBytes,
    id: [u8; 10],
}

impl HpkeContext {
    /// The client's context and the encapsulated key.
    pub(crate) fn send(
        key: &KemPublicKey,
        info: &[u8],
        random: RandomSource<'_>,
    ) -> Result<(Self, Vec<u8>), OhttpError> {
        let (shared, encapsulated) = key.encapsulate(random)?;
        Ok((Self::schedule(key.suite(), &shared, info), encapsulated))
    }

    /// The server's context.
    pub(crate) fn receive(key: &KemPrivateKey, encapsulated: &[u8], info: &[u8]) -> Result<Self, OhttpError> {
        Ok(Self::schedule(key.suite(), &key.decapsulate(encapsulated)?, info))
    }

    /// Exports a secret of the context (RFC 9180 §5.3).
    pub(crate) fn export(&self, label: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
        let mut secret = Zeroizing::new(vec![0; len]);
        LabeledKdf(&self.id).expand(&self.exporter, b"sec", label, &mut secret);
        secret
    }

    fn schedule(suite: Suite, shared: &SecretBytes, info: &[u8]) -> Self {
        let id = suite_id(suite);
        let labelled = LabeledKdf(&id);
        let psk_id_hash = labelled.extract(b"", b"psk_id_hash", b"");
        let info_hash = labelled.extract(b"", b"info_hash", info);
        let context = [&[BASE][..], psk_id_hash.as_slice(), info_hash.as_slice()].concat();
        let secret = labelled.extract(shared.as_slice(), b"secret", b"");
        let mut exporter = Zeroizing::new([0; 32]);
        labelled.expand(&secret, b"exp", &context, exporter.as_mut_slice());
        let cipher = AeadCipher::derive(suite, |key, nonce| {
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

/// The mode without a pre-shared key and without sender authentication.
const BASE: u8 = 0;
