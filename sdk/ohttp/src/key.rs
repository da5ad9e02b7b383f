//! The key pair of a server.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::OhttpError;
use crate::header;
use crate::hpke::{KemPrivateKey, KemPublicKey};
use crate::suite::Suite;

/// The private key of a server, with its id and suite. It is wiped when dropped and `Debug` does not show it.
///
/// ```
/// use amaas_ohttp::{PrivateKey, Suite};
///
/// let key = PrivateKey::generate(7, Suite::X25519)?;
/// let stored = key.to_bytes();
/// assert_eq!(PrivateKey::from_bytes(&stored)?.public_key(), key.public_key());
/// assert_eq!(format!("{key:?}"), "PrivateKey { id: 7, suite: X25519, .. }");
/// # Ok::<(), amaas_ohttp::OhttpError>(())
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    id: u8,
    pub(crate) secret: KemPrivateKey,
}

impl PrivateKey {
    /// Generates a key from the operating system's randomness.
    ///
    /// # Errors
    /// [`OhttpError::Random`].
    pub fn generate(id: u8, suite: Suite) -> Result<Self, OhttpError> {
        let mut seed = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| OhttpError::Random)?;
        Ok(Self::derive(id, suite, seed.as_slice()))
    }

    /// Derives the key of a seed: `DeriveKeyPair` of RFC 9180 §7.1.3 and draft-ietf-hpke-pq. The seed needs 32 bytes of
    /// entropy.
    pub fn derive(id: u8, suite: Suite, seed: &[u8]) -> Self {
        Self { id, secret: KemPrivateKey::derive(suite, seed) }
    }

    /// The key as bytes: id and suite as in the header of a request (RFC 9458 §4.1), then the secret. Encrypt them for storage.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Allocated once, because growing would leave a copy of the secret in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(header::HEADER_LEN + SECRET_LEN));
        bytes.extend_from_slice(&header::write(self.id, self.suite()));
        bytes.extend_from_slice(self.secret.as_bytes());
        bytes
    }

    /// Reads the bytes of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`OhttpError::PrivateKey`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OhttpError> {
        let (header, secret) = bytes.split_first_chunk().ok_or(OhttpError::PrivateKey)?;
        let (id, [kem, kdf, aead]) = header::read(*header);
        let suite = Suite::from_ids(kem, kdf, aead).ok_or(OhttpError::PrivateKey)?;
        let secret = KemPrivateKey::from_bytes(suite, secret).ok_or(OhttpError::PrivateKey)?;
        Ok(Self { id, secret })
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey { id: self.id, public: self.secret.public() }
    }

    /// The id, which a request uses to name the key.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.secret.suite()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("id", &self.id).field("suite", &self.suite()).finish_non_exhaustive()
    }
}

/// The public key of a server, with its id and suite. Clients seal requests to it, and get it in a
/// `KeyList`.
///
/// ```
/// use amaas_ohttp::{OhttpError, PublicKey, Suite};
///
/// assert_eq!(PublicKey::from_bytes(1, Suite::X25519, &[9; 32])?.id(), 1);
/// assert_eq!(PublicKey::from_bytes(1, Suite::X25519, &[9; 31]), Err(OhttpError::PublicKey));
/// # Ok::<(), OhttpError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: u8,
    pub(crate) public: KemPublicKey,
}

impl PublicKey {
    /// Reads a key from its bytes.
    ///
    /// # Errors
    /// [`OhttpError::PublicKey`].
    pub fn from_bytes(id: u8, suite: Suite, bytes: &[u8]) -> Result<Self, OhttpError> {
        let public = KemPublicKey::from_bytes(suite, bytes).ok_or(OhttpError::PublicKey)?;
        Ok(Self { id, public })
    }

    /// The key as bytes, without id and suite.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.public.to_bytes()
    }

    /// The id, which a request uses to name the key.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.public.suite()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("id", &self.id).field("suite", &self.suite()).finish_non_exhaustive()
    }
}

/// Nsk of both KEMs: an X25519 scalar, or the seed that an X-Wing key is expanded from.
const SECRET_LEN: usize = 32;
