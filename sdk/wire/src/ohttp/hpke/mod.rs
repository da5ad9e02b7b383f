//! HPKE (RFC 9180) in base mode with either suite, on the arithmetic of AWS-LC, which takes about a quarter of the time that the
//! crate `hpke` takes; that crate is what the tests compare this with.
//!
//! What a key costs once, such as the matrix of ML-KEM or a public key made of a private one, is paid when the key is
//! made and never again for a call.

mod cipher;
mod context;
mod kdf;
mod kem;
mod x25519;
mod xwing;

pub(super) use cipher::Cipher;
pub(super) use context::Context;
pub(super) use kdf::{expand, extract};
pub(super) use kem::{Public, Secret};

use zeroize::Zeroizing;

/// Nsecret of both KEMs, and what HKDF-SHA256 extracts.
type Secret32 = Zeroizing<[u8; 32]>;
