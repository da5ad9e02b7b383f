//! HPKE with either suite: the one place where a [`Suite`] becomes types of the crate `hpke`.

use hpke::aead::{AeadCtxR, AeadCtxS, AesGcm128, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use zeroize::Zeroizing;

use super::{OhttpError, Suite};

/// A private key of either KEM; both wipe themselves.
#[derive(Clone)]
pub(super) enum Secret {
    XWing(Box<<XWing as Kem>::PrivateKey>),
    X25519(<X25519HkdfSha256 as Kem>::PrivateKey),
}

impl Secret {
    pub(super) fn derive(suite: Suite, seed: &[u8]) -> Self {
        match suite {
            Suite::XWing => Self::XWing(Box::new(XWing::derive_keypair(seed).0)),
            Suite::X25519 => Self::X25519(X25519HkdfSha256::derive_keypair(seed).0),
        }
    }

    pub(super) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        Some(match suite {
            Suite::XWing => Self::XWing(Box::new(Deserializable::from_bytes(bytes).ok()?)),
            Suite::X25519 => Self::X25519(Deserializable::from_bytes(bytes).ok()?),
        })
    }

    pub(super) fn to_bytes(&self) -> [u8; 32] {
        match self {
            Self::XWing(secret) => secret.to_bytes().into(),
            Self::X25519(secret) => secret.to_bytes().into(),
        }
    }

    pub(super) fn public(&self) -> Public {
        match self {
            Self::XWing(secret) => Public::XWing(Box::new(XWing::sk_to_pk(secret))),
            Self::X25519(secret) => Public::X25519(X25519HkdfSha256::sk_to_pk(secret)),
        }
    }

    pub(super) fn suite(&self) -> Suite {
        match self {
            Self::XWing(_) => Suite::XWing,
            Self::X25519(_) => Suite::X25519,
        }
    }
}

/// A public key of either KEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Public {
    XWing(Box<<XWing as Kem>::PublicKey>),
    X25519(<X25519HkdfSha256 as Kem>::PublicKey),
}

impl Public {
    pub(super) fn from_bytes(suite: Suite, bytes: &[u8]) -> Option<Self> {
        Some(match suite {
            Suite::XWing => Self::XWing(Box::new(Deserializable::from_bytes(bytes).ok()?)),
            Suite::X25519 => Self::X25519(Deserializable::from_bytes(bytes).ok()?),
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::XWing(public) => public.to_bytes().to_vec(),
            Self::X25519(public) => public.to_bytes().to_vec(),
        }
    }

    pub(super) fn suite(&self) -> Suite {
        match self {
            Self::XWing(_) => Suite::XWing,
            Self::X25519(_) => Suite::X25519,
        }
    }
}

/// What seals pieces in their order.
pub(super) trait Seal {
    fn seal(&mut self, piece: &[u8], associated: &[u8]) -> Result<Vec<u8>, OhttpError>;
}

/// What opens pieces in their order.
pub(super) trait Open {
    fn open(&mut self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, OhttpError>;
}

/// The caller's context of one request.
pub(super) enum Sender {
    XWing(Box<AeadCtxS<AesGcm256, HkdfSha256, XWing>>),
    X25519(Box<AeadCtxS<AesGcm128, HkdfSha256, X25519HkdfSha256>>),
}

impl Sender {
    /// The context and the encapsulated key.
    pub(super) fn set_up(
        key: &Public,
        info: &[u8],
        random: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<u8>), OhttpError> {
        Ok(match key {
            Public::XWing(key) => {
                let (encapsulated, context) = setup_sender_with_rng(&OpModeS::Base, &**key, info, random)?;
                (Self::XWing(Box::new(context)), encapsulated.to_bytes().to_vec())
            }
            Public::X25519(key) => {
                let (encapsulated, context) = setup_sender_with_rng(&OpModeS::Base, key, info, random)?;
                (Self::X25519(Box::new(context)), encapsulated.to_bytes().to_vec())
            }
        })
    }

    pub(super) fn export(&self, label: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, OhttpError> {
        let mut secret = Zeroizing::new(vec![0; len]);
        match self {
            Self::XWing(context) => context.export(label, &mut secret)?,
            Self::X25519(context) => context.export(label, &mut secret)?,
        }
        Ok(secret)
    }
}

impl Seal for Sender {
    fn seal(&mut self, piece: &[u8], associated: &[u8]) -> Result<Vec<u8>, OhttpError> {
        Ok(match self {
            Self::XWing(context) => context.seal(piece, associated)?,
            Self::X25519(context) => context.seal(piece, associated)?,
        })
    }
}

/// The function's context of one request.
pub(super) enum Receiver {
    XWing(Box<AeadCtxR<AesGcm256, HkdfSha256, XWing>>),
    X25519(Box<AeadCtxR<AesGcm128, HkdfSha256, X25519HkdfSha256>>),
}

impl Receiver {
    pub(super) fn set_up(key: &Secret, encapsulated_key: &[u8], info: &[u8]) -> Result<Self, OhttpError> {
        Ok(match key {
            Secret::XWing(key) => {
                let encapsulated = Deserializable::from_bytes(encapsulated_key)?;
                Self::XWing(Box::new(setup_receiver(&OpModeR::Base, &**key, &encapsulated, info)?))
            }
            Secret::X25519(key) => {
                let encapsulated = Deserializable::from_bytes(encapsulated_key)?;
                Self::X25519(Box::new(setup_receiver(&OpModeR::Base, key, &encapsulated, info)?))
            }
        })
    }

    pub(super) fn export(&self, label: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, OhttpError> {
        let mut secret = Zeroizing::new(vec![0; len]);
        match self {
            Self::XWing(context) => context.export(label, &mut secret)?,
            Self::X25519(context) => context.export(label, &mut secret)?,
        }
        Ok(secret)
    }
}

impl Open for Receiver {
    fn open(&mut self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, OhttpError> {
        Ok(match self {
            Self::XWing(context) => context.open(sealed, associated)?,
            Self::X25519(context) => context.open(sealed, associated)?,
        })
    }
}

impl From<HpkeError> for OhttpError {
    fn from(error: HpkeError) -> Self {
        match error {
            HpkeError::OpenError => Self::Authentication,
            HpkeError::MessageLimitReached | HpkeError::SealError | HpkeError::KdfOutputTooLong => Self::KeyExhausted,
            HpkeError::ValidationError
            | HpkeError::EncapError
            | HpkeError::DecapError
            | HpkeError::IncorrectInputLength(..)
            | HpkeError::InvalidPskBundle => Self::Encapsulation,
        }
    }
}
