//! X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519. The secret is safe as long as one of them is unbroken.
//!
//! The Rust interface of AWS-LC's ML-KEM accepts neither a seed nor a random number generator. So the crate `ml-kem` expands a
//! private key, once, and encapsulates with a given generator, as test vectors need. The tests check one against the other.

use std::sync::Arc;

use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768};
#[expect(deprecated, reason = "see `expand`")]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::{KeyExport, TryKeyInit, ml_kem_768};
use sha3::Sha3_256;
use sha3::digest::{ExtendableOutput, FixedOutput, Update, XofReader};
use shake::Shake256;
use zeroize::{Zeroize, Zeroizing};

use super::kdf::SecretBytes;
use super::{kdf, x25519};
use crate::error::OhttpError;
use crate::random::RandomSource;

/// A private key: the seed and its expansion.
pub(crate) struct XWingPrivateKey {
    seed: SecretBytes,
    ml_kem: DecapsulationKey,
    x25519: x25519::X25519PrivateKey,
    public: Arc<XWingPublicKey>,
}

impl XWingPrivateKey {
    /// `expandDecapsulationKey`.
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let mut expanded = Zeroizing::new([0; 96]);
        shake(&[seed], expanded.as_mut_slice());
        let (ml_kem, x25519) = expanded.split_first_chunk().expect("96 bytes");
        let (ml_kem, encapsulation_key) = expand(ml_kem);
        let x25519 = x25519::X25519PrivateKey::new(x25519.try_into().expect("96 bytes without 64"));
        let public = XWingPublicKey::from_bytes(&[&encapsulation_key[..], x25519.public()].concat());
        let public = Arc::new(public.expect("the public key of a private key is one"));
        Self { seed: Zeroizing::new(*seed), ml_kem, x25519, public }
    }

    /// `DeriveKeyPair` (draft-ietf-hpke-pq): `LabeledDerive` of SHAKE256, without a context.
    pub(super) fn derive(seed: &[u8]) -> Self {
        let mut derived = Zeroizing::new([0; 32]);
        shake(&[seed, kdf::VERSION, b"KEM\x64\x7a", b"\0\x0dDeriveKeyPair", b"\0\x20"], derived.as_mut_slice());
        Self::new(&derived)
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub(super) fn public(&self) -> &Arc<XWingPublicKey> {
        &self.public
    }

    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Result<SecretBytes, OhttpError> {
        let (ml_kem, x25519) = encapsulated.split_at_checked(CIPHERTEXT_LEN).ok_or(OhttpError::Encapsulation)?;
        let shared = self.ml_kem.decapsulate(ml_kem.into()).map_err(|_| OhttpError::Encapsulation)?;
        Ok(combine(shared.as_ref(), &self.x25519.agree(x25519)?, x25519, self.x25519.public()))
    }
}

/// A public key.
pub(crate) struct XWingPublicKey {
    bytes: Box<[u8; ENCAPSULATION_KEY_LEN + 32]>,
    ml_kem: EncapsulationKey,
}

impl XWingPublicKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = Box::new(bytes.try_into().ok()?);
        let this = Self { ml_kem: EncapsulationKey::new(&ML_KEM_768, Self::split(&bytes).0).ok()?, bytes };
        // AWS-LC checks only the length. This is the check of FIPS 203 §7.2, once.
        this.portable().map(|_| this)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    pub(super) fn encapsulate(&self, mut random: RandomSource<'_>) -> Result<(SecretBytes, Vec<u8>), OhttpError> {
        let mut secret = Zeroizing::new([0; 32]);
        let mut encapsulated = Vec::with_capacity(CIPHERTEXT_LEN + 32);
        if let RandomSource::Given(given) = &mut random {
            let key = self.portable().ok_or(OhttpError::Encapsulation)?;
            let mut message = Zeroizing::new([0; 32]);
            given.fill_bytes(message.as_mut_slice());
            let (ciphertext, mut shared) = key.encapsulate_deterministic((&*message).into());
            secret.copy_from_slice(&shared);
            shared.zeroize();
            encapsulated.extend_from_slice(&ciphertext);
        } else {
            let (ciphertext, shared) = self.ml_kem.encapsulate().map_err(|_| OhttpError::Encapsulation)?;
            secret.copy_from_slice(shared.as_ref());
            encapsulated.extend_from_slice(ciphertext.as_ref());
        }
        let public = Self::split(&self.bytes).1;
        let mut ephemeral = Zeroizing::new([0; 32]);
        random.fill(ephemeral.as_mut_slice())?;
        let ephemeral = x25519::X25519PrivateKey::new(&ephemeral);
        encapsulated.extend_from_slice(ephemeral.public());
        Ok((combine(secret.as_slice(), &ephemeral.agree(public)?, ephemeral.public(), public), encapsulated))
    }

    fn split(bytes: &[u8; ENCAPSULATION_KEY_LEN + 32]) -> (&[u8], &[u8]) {
        bytes.split_at(ENCAPSULATION_KEY_LEN)
    }

    fn portable(&self) -> Option<ml_kem_768::EncapsulationKey> {
        ml_kem_768::EncapsulationKey::new_from_slice(Self::split(&self.bytes).0).ok()
    }
}

impl PartialEq for XWingPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for XWingPublicKey {}

/// The keys of the seed d‖z (FIPS 203 §7.1).
#[expect(deprecated, reason = "AWS-LC takes a private key in the expanded form only")]
fn expand(seed: &[u8; 64]) -> (DecapsulationKey, Vec<u8>) {
    let mut seed = (*seed).into();
    let key = ml_kem_768::DecapsulationKey::from_seed(seed);
    seed.zeroize();
    let mut bytes = key.to_expanded_bytes();
    let ml_kem = DecapsulationKey::new(&ML_KEM_768, &bytes).expect("the bytes of a private key");
    bytes.zeroize();
    (ml_kem, key.encapsulation_key().to_bytes().to_vec())
}

/// The combiner.
fn combine(ml_kem: &[u8], x25519: &SecretBytes, ephemeral: &[u8], public: &[u8]) -> SecretBytes {
    let mut secret = Zeroizing::new([0; 32]);
    let mut hash = Sha3_256::default();
    for part in [ml_kem, x25519.as_slice(), ephemeral, public, LABEL] {
        hash.update(part);
    }
    hash.finalize_into((&mut *secret).into());
    secret
}

fn shake(parts: &[&[u8]], out: &mut [u8]) {
    let mut hash = Shake256::default();
    for part in parts {
        hash.update(part);
    }
    hash.finalize_xof().read(out);
}

/// Bytes of ML-KEM-768 (FIPS 203, table 3).
const ENCAPSULATION_KEY_LEN: usize = 1184;
const CIPHERTEXT_LEN: usize = 1088;

const LABEL: &[u8] = br"\.//^\";
