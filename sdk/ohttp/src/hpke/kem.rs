//! The keys of either KEM.

use std::sync::Arc;

use super::kdf::Secret32;
use super::{x25519, xwing};
use crate::error::OhttpError;
use crate::random::Random;
use crate::suite::Suite;

/// A private key of either KEM. Clones share it, and it is wiped with the last of them.
#[derive(Clone)]
pub(crate) enum Secret {
    XWing(Arc<xwing::Secret>),
    X25519(Arc<x25519::Secret>),
}

impl Secret {
    /// `DeriveKeyPair`.
    pub(crate) fn derive(suite: Suite, seed: &[u8]) -> Self {
        match suite {
            Suite::XWing => Self::XWing(Arc::new(xwing::Secret::derive(seed))),
            Suite::X25519 => Self::X25519(Arc::new(x25519::Secret::derive(seed))),
        }
    }

    pub(crate) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Some(match suite {
            Suite::XWing => Self::XWing(Arc::new(xwing::Secret::new(bytes))),
            Suite::X25519 => Self::X25519(Arc::new(x25519::Secret::new(bytes))),
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::XWing(secret) => secret.seed(),
            Self::X25519(secret) => secret.as_bytes(),
        }
    }

    pub(crate) fn public(&self) -> Public {
        match self {
            Self::XWing(secret) => Public::XWing(Arc::clone(secret.public())),
            Self::X25519(secret) => Public::X25519(*secret.public()),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        match self {
            Self::XWing(_) => Suite::XWing,
            Self::X25519(_) => Suite::X25519,
        }
    }

    /// `Decap`.
    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Result<Secret32, OhttpError> {
        match self {
            Self::XWing(secret) => secret.decapsulate(encapsulated),
            Self::X25519(secret) => secret.decapsulate(encapsulated),
        }
    }
}

/// A public key of either KEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Public {
    XWing(Arc<xwing::Public>),
    X25519([u8; 32]),
}

impl Public {
    pub(crate) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        Some(match suite {
            Suite::XWing => Self::XWing(Arc::new(xwing::Public::from_bytes(bytes)?)),
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
    pub(super) fn encapsulate(&self, random: Random<'_>) -> Result<(Secret32, Vec<u8>), OhttpError> {
        match self {
            Self::XWing(public) => public.encapsulate(random),
            Self::X25519(public) => x25519::encapsulate(public, random),
        }
    }
}
