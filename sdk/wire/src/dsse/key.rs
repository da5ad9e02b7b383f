//! Ed25519 keys of signers.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::Signer;
use zeroize::Zeroizing;

use super::encoding::pre_authentication_encoding;
use super::error::DsseError;
use crate::digest::Digest;
use crate::hex;

/// The private key of a signer. It is wiped when dropped and `Debug` does not show it.
///
/// ```
/// use amaas_wire::dsse::SigningKey;
///
/// let key = SigningKey::generate()?;
/// let stored = key.to_bytes();
/// assert_eq!(SigningKey::from_bytes(&stored).verifying_key(), key.verifying_key());
/// # Ok::<(), amaas_wire::dsse::DsseError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Generates a key from the operating system's randomness.
    ///
    /// # Errors
    /// [`DsseError::Random`].
    pub fn generate() -> Result<Self, DsseError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| DsseError::Random)?;
        Ok(Self::from_bytes(&seed))
    }

    /// The key of a seed (RFC 8032 §5.1.5), any 32 bytes.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, to store sealed.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs a payload of a type outside an [`Envelope`](super::Envelope), over the same bytes.
    ///
    /// ```
    /// use amaas_wire::dsse::SigningKey;
    ///
    /// let key = SigningKey::generate()?;
    /// let signature = key.sign_detached("text/plain", b"payload");
    /// key.verifying_key().verify_detached("text/plain", b"payload", &signature)?;
    /// assert!(key.verifying_key().verify_detached("text/html", b"payload", &signature).is_err());
    /// # Ok::<(), amaas_wire::dsse::DsseError>(())
    /// ```
    pub fn sign_detached(&self, payload_type: &str, payload: &[u8]) -> [u8; 64] {
        self.sign(&pre_authentication_encoding(payload_type, payload))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.verifying_key().id()).finish()
    }
}

/// The public key of a signer, which verifiers have beforehand. As text it is base64.
///
/// ```
/// use amaas_wire::dsse::{DsseError, SigningKey, VerifyingKey};
///
/// let key = SigningKey::generate()?.verifying_key();
/// assert_eq!(key.to_string().parse::<VerifyingKey>()?, key);
/// assert_eq!("AAAA".parse::<VerifyingKey>(), Err(DsseError::VerifyingKey));
/// # Ok::<(), DsseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// The key of its bytes (RFC 8032 §5.1.2).
    ///
    /// # Errors
    /// [`DsseError::VerifyingKey`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, DsseError> {
        match ed25519_dalek::VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(DsseError::VerifyingKey),
        }
    }

    /// The key as bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The id of the key: the first half of its SHA-256, in hexadecimal. It selects a key and proves nothing.
    pub fn id(&self) -> String {
        hex::encode(&Digest::of(&self.to_bytes()).as_bytes()[..16])
    }

    /// Verifies a signature of [`SigningKey::sign_detached`] on a payload of that type.
    ///
    /// # Errors
    /// [`DsseError::Signature`].
    pub fn verify_detached(&self, payload_type: &str, payload: &[u8], signature: &[u8]) -> Result<(), DsseError> {
        self.verify(&pre_authentication_encoding(payload_type, payload), signature)
    }

    /// Verifies a signature on `message`, strictly (RFC 8032 §8.4, and no low-order points).
    ///
    /// # Errors
    /// [`DsseError::Signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), DsseError> {
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| DsseError::Signature)?;
        self.0.verify_strict(message, &signature).map_err(|_| DsseError::Signature)
    }
}

impl FromStr for VerifyingKey {
    type Err = DsseError;

    fn from_str(text: &str) -> Result<Self, DsseError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| DsseError::VerifyingKey)?;
        Self::from_bytes(&bytes.try_into().map_err(|_| DsseError::VerifyingKey)?)
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.to_bytes()))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({self})")
    }
}
