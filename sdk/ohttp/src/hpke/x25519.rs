//! DHKEM(X25519, HKDF-SHA256) (RFC 9180 §4.1), and X25519 itself for X-Wing.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

use super::kdf::LabeledKdf;
use super::kdf::SecretBytes;
use crate::error::OhttpError;
use crate::random::RandomSource;

/// A private key, with its public key.
pub(crate) struct X25519PrivateKey {
    bytes: SecretBytes,
    key: PrivateKey,
    public: [u8; 32],
}

impl X25519PrivateKey {
    /// Reads a key from its bytes, and clamps them (RFC 9180 §7.1.2).
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        let mut bytes = Zeroizing::new(*bytes);
        bytes[0] &= 0xf8;
        bytes[31] = bytes[31] & 0x7f | 0x40;
        let key = PrivateKey::from_private_key(&X25519, bytes.as_slice()).expect("any 32 bytes are a private key");
        let public = key.compute_public_key().expect("a private key has a public key");
        let public = public.as_ref().try_into().expect("it has 32 bytes");
        Self { bytes, key, public }
    }

    /// `DeriveKeyPair` (RFC 9180 §7.1.3).
    pub(super) fn derive(seed: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        let key = KEM.extract(b"", b"dkp_prk", seed);
        KEM.expand(&key, b"sk", b"", bytes.as_mut_slice());
        Self::new(&bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    pub(super) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// X25519. AWS-LC refuses a public key that would make the shared secret zero (RFC 9180 §7.1.4).
    pub(super) fn agree(&self, public: &[u8]) -> Result<SecretBytes, OhttpError> {
        agree(&self.key, UnparsedPublicKey::new(&X25519, public), OhttpError::Encapsulation, |shared| {
            shared.try_into().map(Zeroizing::new).map_err(|_| OhttpError::Encapsulation)
        })
    }

    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Result<SecretBytes, OhttpError> {
        let shared = self.agree(encapsulated)?;
        Ok(shared_secret(&shared, encapsulated, &self.public))
    }
}

/// The shared secret and the encapsulated key, which is an ephemeral public key.
pub(super) fn encapsulate(
    public: &[u8; 32],
    mut random: RandomSource<'_>,
) -> Result<(SecretBytes, Vec<u8>), OhttpError> {
    let mut seed = Zeroizing::new([0; 32]);
    random.fill(seed.as_mut_slice())?;
    let ephemeral = X25519PrivateKey::derive(seed.as_slice());
    let shared = ephemeral.agree(public)?;
    Ok((shared_secret(&shared, &ephemeral.public, public), ephemeral.public.to_vec()))
}

/// `ExtractAndExpand`.
fn shared_secret(shared: &SecretBytes, encapsulated: &[u8], public: &[u8; 32]) -> SecretBytes {
    let mut secret = Zeroizing::new([0; 32]);
    let key = KEM.extract(b"", b"eae_prk", shared.as_slice());
    KEM.expand(&key, b"shared_secret", &[encapsulated, public].concat(), secret.as_mut_slice());
    secret
}

const KEM: LabeledKdf<'static> = LabeledKdf(b"KEM\x00\x20");
