//! Parsing of tokens (RFC 7515 §3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::claims::TokenClaims;
use super::{AllowedAlgorithms, TokenError, TokenPart};

/// A parsed token. Nothing in it is verified.
pub(super) struct ParsedToken<'a> {
    pub(super) algorithm: Algorithm,
    /// The id of the key that it claims to be signed with.
    pub(super) key_id: Option<String>,
    pub(super) claims: TokenClaims,
    /// Header and claims as they are signed.
    signed: &'a str,
    signature: &'a str,
}

impl<'a> ParsedToken<'a> {
    /// Parses `text`, which has to name one of `algorithms`.
    pub(super) fn parse(text: &'a str, algorithms: &AllowedAlgorithms) -> Result<Self, TokenError> {
        let whole = |expected| TokenError::Malformed { part: TokenPart::Whole, expected };
        if text.len() > MAX_TOKEN_BYTES {
            return Err(whole("at most 8192 bytes"));
        }
        let parts = text.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            (!claims.contains('.')).then_some((signed, header, claims, signature))
        });
        let (signed, header, claims, signature) = parts.ok_or(whole("three parts with dots between"))?;
        let header: TokenHeader = part(header, TokenPart::Header)?;
        let claims: Map<String, Value> = part(claims, TokenPart::Claims)?;
        let (algorithm, key_id) = header.read(algorithms)?;
        Ok(Self { algorithm, key_id, claims: TokenClaims::new(claims), signed, signature })
    }

    /// Whether it is signed with this key and its algorithm.
    pub(super) fn is_signed_with(&self, key: &DecodingKey) -> bool {
        // An error is a signature that is not base64url, or a malformed key.
        crypto::verify(self.signature, self.signed.as_bytes(), key, self.algorithm).unwrap_or(false)
    }
}

/// The members of the header that are used. Keys and links to keys (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl TokenHeader {
    fn read(self, algorithms: &AllowedAlgorithms) -> Result<(Algorithm, Option<String>), TokenError> {
        let malformed = |expected| TokenError::Malformed { part: TokenPart::Header, expected };
        // No extension is understood here (RFC 7515 §4.1.11).
        if self.crit.is_some() {
            return Err(malformed("no crit"));
        }
        // The issuer signs other tokens with the same keys, such as log-out tokens (RFC 8725 §3.11).
        let typ = self.typ.as_deref().map(|typ| typ.rsplit_once('/').map_or(typ, |(_, name)| name));
        if typ.is_some_and(|typ| !ACCEPTED_TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known))) {
            return Err(malformed("a typ of JWT or at+jwt, or none,"));
        }
        Ok((algorithms.named(&self.alg).ok_or(TokenError::Algorithm)?, self.kid))
    }
}

/// One part: JSON in base64url without padding.
fn part<T: DeserializeOwned>(text: &str, part: TokenPart) -> Result<T, TokenError> {
    let malformed = |expected| TokenError::Malformed { part, expected };
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed("base64url without padding"))?;
    serde_json::from_slice(&json).map_err(|_| malformed("a JSON object"))
}

/// Bounds a token: one with many claims has about 2 KiB, and servers accept headers of 8 KiB and little more.
const MAX_TOKEN_BYTES: usize = 8192;
/// `at+jwt` is RFC 9068's, `JOSE` that of SPIFFE.
const ACCEPTED_TYPES: [&str; 3] = ["JWT", "at+jwt", "JOSE"];
