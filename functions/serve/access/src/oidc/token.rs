//! A token taken apart (RFC 7515 §3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::{Algorithms, Part, TokenError};

/// A token whose parts can be read. Nothing of it is proven.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// Which of the issuer's keys it is signed with, by its own word.
    pub(super) key_id: Option<String>,
    pub(super) claims: Claims,
    /// Header and claims as they are signed.
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    /// Takes `text` apart, which has to name one of `algorithms`.
    pub(super) fn parse(text: &'a str, algorithms: &Algorithms) -> Result<Self, TokenError> {
        let whole = |expected| TokenError::Malformed { part: Part::Whole, expected };
        if text.len() > LONGEST {
            return Err(whole("at most 8192 bytes"));
        }
        let parts = text.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            (!claims.contains('.')).then_some((signed, header, claims, signature))
        });
        let (signed, header, claims, signature) = parts.ok_or(whole("three parts with dots between"))?;
        let header: Header = part(header, Part::Header)?;
        let claims: Map<String, Value> = part(claims, Part::Claims)?;
        let (algorithm, key_id) = header.read(algorithms)?;
        Ok(Self { algorithm, key_id, claims: Claims::new(claims), signed, signature })
    }

    /// Whether it is signed with this key, in the way that it names.
    pub(super) fn is_signed_with(&self, key: &DecodingKey) -> bool {
        // An error is a signature that is not base64url, or a key that is none.
        crypto::verify(self.signature, self.signed.as_bytes(), key, self.algorithm).unwrap_or(false)
    }
}

/// What is looked at in the header. Keys and links to keys in it (`jwk`, `jku`, `x5c`, `x5u`) are not.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl Header {
    fn read(self, algorithms: &Algorithms) -> Result<(Algorithm, Option<String>), TokenError> {
        let malformed = |expected| TokenError::Malformed { part: Part::Header, expected };
        // No extension is understood here (RFC 7515 §4.1.11).
        if self.crit.is_some() {
            return Err(malformed("no crit"));
        }
        // The issuer signs other things with the same keys, such as word of a log-out (RFC 8725 §3.11).
        let typ = self.typ.as_deref().map(|typ| typ.rsplit_once('/').map_or(typ, |(_, name)| name));
        if typ.is_some_and(|typ| !TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known))) {
            return Err(malformed("a typ of JWT or at+jwt, or none,"));
        }
        Ok((algorithms.named(&self.alg).ok_or(TokenError::Algorithm)?, self.kid))
    }
}

/// One part: base64url without padding, and JSON in it.
fn part<T: DeserializeOwned>(text: &str, part: Part) -> Result<T, TokenError> {
    let malformed = |expected| TokenError::Malformed { part, expected };
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed("base64url without padding"))?;
    serde_json::from_slice(&json).map_err(|_| malformed("a JSON object"))
}

/// A token with many claims has about 2 KiB, and servers take headers of 8 KiB and little more.
const LONGEST: usize = 8192;
/// `at+jwt` is RFC 9068's, `JOSE` that of SPIFFE.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "JOSE"];
