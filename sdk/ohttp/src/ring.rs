//! The private keys of a server.

use std::sync::Arc;

use crate::error::OhttpError;
use crate::key::{PrivateKey, PublicKey};
use crate::suite::Suite;

/// Private keys by id: one for each suite, and the previous keys during a rotation, while clients may still use them. Clones share
/// the keys.
///
/// ```
/// use amaas_ohttp::{KeyRing, OhttpError, PrivateKey, Suite};
///
/// let keys = vec![PrivateKey::generate(1, Suite::XWing)?, PrivateKey::generate(2, Suite::X25519)?];
/// let ring = KeyRing::new(keys.clone())?;
/// assert_eq!(ring.public_keys().count(), 2);
/// let twice = [keys, vec![PrivateKey::generate(2, Suite::XWing)?]].concat();
/// assert_eq!(KeyRing::new(twice).unwrap_err(), OhttpError::DuplicateKey { key_id: 2 });
/// # Ok::<(), OhttpError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Arc<[PrivateKey]>,
}

impl KeyRing {
    /// A ring of `keys`, in the order in which they are published.
    ///
    /// # Errors
    /// [`OhttpError::DuplicateKey`].
    pub fn new(keys: Vec<PrivateKey>) -> Result<Self, OhttpError> {
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|earlier| earlier.id() == key.id()) {
                return Err(OhttpError::DuplicateKey { key_id: key.id() });
            }
        }
        Ok(Self { keys: keys.into() })
    }

    /// The public keys, in order.
    pub fn public_keys(&self) -> impl Iterator<Item = PublicKey> {
        self.keys.iter().map(PrivateKey::public_key)
    }

    /// The key with that id, if it has these algorithms.
    pub(crate) fn find(&self, key_id: u8, [kem, kdf, aead]: [u16; 3]) -> Result<&PrivateKey, OhttpError> {
        let key = self.keys.iter().find(|key| key.id() == key_id).ok_or(OhttpError::UnknownKey { key_id })?;
        if Suite::from_ids(kem, kdf, aead) == Some(key.suite()) {
            Ok(key)
        } else {
            Err(OhttpError::UnsupportedSuite { kem, kdf, aead })
        }
    }
}
