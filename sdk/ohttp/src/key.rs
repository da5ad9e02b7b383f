//! The keys of a function.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::OhttpError;
use crate::header;
use crate::hpke::{Public, Secret};
use crate::suite::Suite;

/// A private key of a function, with its id and suite. It is wiped when dropped and `Debug` does not show it.
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
    pub(crate) secret: Secret,
}

impl PrivateKey {
    /// Makes a key from randomness of the operating system.
    ///
    /// # Errors
    /// [`OhttpError::Random`].
    pub fn generate(id: u8, suite: Suite) -> Result<Self, OhttpError> {
        let mut seed = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| OhttpError::Random)?;
        Ok(Self::derive(id, suite, seed.as_slice()))
    }

    /// Makes the key of a seed: `DeriveKeyPair` of RFC 9180 §7.1.3 and draft-ietf-hpke-pq. The seed is to have 32
    /// bytes of entropy.
    pub fn derive(id: u8, suite: Suite, seed: &[u8]) -> Self {
        Self { id, secret: Secret::derive(suite, seed) }
    }

    /// The key as bytes to store, sealed: id and suite as in the header of a request (RFC 9458 §4.1), then the secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // With room for all of it from the start, so that no copy of it is left behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity(header::HEADER_LEN + SECRET_LEN));
        bytes.extend_from_slice(&header::write(self.id, self.suite()));
        bytes.extend_from_slice(self.secret.as_bytes());
        bytes
    }

    /// The key of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`OhttpError::PrivateKey`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OhttpError> {
        let (header, secret) = bytes.split_first_chunk().ok_or(OhttpError::PrivateKey)?;
        let (id, [kem, kdf, aead]) = header::read(*header);
        let suite = Suite::from_ids(kem, kdf, aead).ok_or(OhttpError::PrivateKey)?;
        let secret = Secret::from_bytes(suite, secret).ok_or(OhttpError::PrivateKey)?;
        Ok(Self { id, secret })
    }

    /// What callers seal to.
    pub fn public_key(&self) -> PublicKey {
        PublicKey { id: self.id, public: self.secret.public() }
    }

    /// The id, by which a request names the key.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The algorithms.
    pub fn suite(&self) -> Suite {
        self.secret.suite()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("id", &self.id).field("suite", &self.suite()).finish_non_exhaustive()
    }
}

/// A public key of a function, with its id and suite: what a request is sealed to. A [`KeyList`](crate::key_list::KeyList)
/// carries it.
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
    pub(crate) public: Public,
}

impl PublicKey {
    /// The key of its bytes.
    ///
    /// # Errors
    /// [`OhttpError::PublicKey`].
    pub fn from_bytes(id: u8, suite: Suite, bytes: &[u8]) -> Result<Self, OhttpError> {
        let public = Public::from_bytes(suite, bytes).ok_or(OhttpError::PublicKey)?;
        Ok(Self { id, public })
    }

    /// The key as bytes, without id and suite.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.public.to_bytes()
    }

    /// The id, by which a request names the key.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The algorithms.
    pub fn suite(&self) -> Suite {
        self.public.suite()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("id", &self.id).field("suite", &self.suite()).finish_non_exhaustive()
    }
}

/// Nsk of both KEMs: an X25519 scalar, and the seed that an X-Wing key is expanded from.
const SECRET_LEN: usize = 32;
