//! HPKE (RFC 9180) in base mode with either suite, on the arithmetic of AWS-LC, which takes about a quarter of the time that
//! the crate `hpke` takes; the tests compare this with that crate.
//!
//! What a key costs once, the check of a public one and the expansion of a private one, is paid when the key is made and
//! never again for a call.

mod cipher;
mod context;
#[cfg(test)]
mod judged;
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
