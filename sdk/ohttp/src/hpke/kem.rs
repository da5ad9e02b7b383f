//! The keys of either KEM.

use std::sync::Arc;

use super::kdf::SecretBytes;
use super::{x25519, xwing};
use crate::error::OhttpError;
use crate::random::RandomSource;
use crate::suite::Suite;

/// A private key of either KEM. Clones share it; the last one wipes it.
#[derive(Clone)]
pub(crate) enum KemPrivateKey {
    XWing(Arc<xwing::XWingPrivateKey>),
    X25519(Arc<x25519::X25519PrivateKey>),
}

impl KemPrivateKey {
    /// `DeriveKeyPair`.
    pub(crate) fn derive(suite: Suite, seed: &[u8]) -> Self {
        match suite {
            Suite::XWing => Self::XWing(Arc::new(xwing::XWingPrivateKey::derive(seed))),
            Suite::X25519 => Self::X25519(Arc::new(x25519::X25519PrivateKey::derive(seed))),
        }
    }

    pub(crate) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Some(match suite {
            Suite::XWing => Self::XWing(Arc::new(xwing::XWingPrivateKey::new(bytes))),
            Suite::X25519 => Self::X25519(Arc::new(x25519::X25519PrivateKey::new(bytes))),
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::XWing(secret) => secret.seed(),
            Self::X25519(secret) => secret.as_bytes(),
        }
    }

    pub(crate) fn public(&self) -> KemPublicKey {
        match self {
            Self::XWing(secret) => KemPublicKey::XWing(Arc::clone(secret.public())),
            Self::X25519(secret) => KemPublicKey::X25519(*secret.public()),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        match self {
            Self::XWing(_) => Suite::XWing,
            Self::X25519(_) => Suite::X25519,
        }
    }

    /// `Decap`.
    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Result<SecretBytes, OhttpError> {
        match self {
            Self::XWing(secret) => secret.decapsulate(encapsulated),
            Self::X25519(secret) => secret.decapsulate(encapsulated),
        }
    }
}

/// A public key of either KEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KemPublicKey {
    XWing(Arc<xwing::XWingPublicKey>),
    X25519([u8; 32]),
}

impl KemPublicKey {
    pub(crate) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        Some(match suite {
            Suite::XWing => Self::XWing(Arc::new(xwing::XWingPublicKey::from_bytes(bytes)?)),
            Suite::X25519 => Self::X25519(bytes.try_into().ok()?),
        })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::XWing(public) => public.as_bytes().to_vec(),
            Self::X25519(public) => public.to_vec(),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        match self {
            Self::XWing(_) => Suite::XWing,
            Self::X25519(_) => Suite::X25519,
        }
    }

    /// `Encap`: the shared secret and the encapsulated key.
    pub(super) fn encapsulate(&self, random: RandomSource<'_>) -> Result<(SecretBytes, Vec<u8>), OhttpError> {
        match self {
            Self::XWing(public) => public.encapsulate(random),
            Self::X25519(public) => x25519::encapsulate(public, random),
        }
    }
}
