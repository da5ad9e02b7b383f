//! The issuer's JSON Web Key Set (RFC 7517).

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse, RSAKeyParameters,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The issuer's keys for verifying signatures.
#[derive(Default)]
pub(super) struct KeySet(Vec<VerificationKey>);

/// The result of a key look-up for a token.
pub(super) enum KeyMatch<'a> {
    /// The token's key.
    Key(&'a DecodingKey),
    /// A key that does not fit the token's algorithm.
    Unfit,
    /// No key, or several candidates.
    Missing,
}

impl KeySet {
    /// The keys in a JWK set. Members that cannot be read or have another use are skipped (RFC 7517 §5).
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct JwkSet {
            keys: Vec<Value>,
        }
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("expected a set of JWKs: {error}"))?;
        Ok(Self(set.keys.into_iter().filter_map(VerificationKey::of).collect()))
    }

    /// The key with this id, if it fits the algorithm. A token without a key id matches only if exactly one key fits
    /// (OpenID Connect Core 1.0 §10.1).
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> KeyMatch<'_> {
        let named = |key: &&VerificationKey| id.is_none() || key.id.as_deref() == id;
        let mut fitting = self.0.iter().filter(named).filter(|key| key.fits(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => KeyMatch::Key(&key.verifier),
            (None, _) if self.0.iter().any(|key| named(&key)) => KeyMatch::Unfit,
            _ => KeyMatch::Missing,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

struct VerificationKey {
    id: Option<String>,
    kind: KeyKind,
    /// The one algorithm that it is for, if it says so.
    algorithm: Option<KeyAlgorithm>,
    verifier: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl VerificationKey {
    fn of(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let to_verify = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
                && jwk.common.key_operations.as_ref().is_none_or(to_verify);
        let kind = KeyKind::of(&jwk.algorithm).filter(|_| is_for_signatures)?;
        let verifier = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, kind, algorithm: jwk.common.key_algorithm, verifier })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        KeyKind::needed(algorithm) == Some(self.kind) && self.algorithm.is_none_or(|own| own == algorithm.into())
    }
}

impl KeyKind {
    fn of(parameters: &AlgorithmParameters) -> Option<Self> {
        match parameters {
            AlgorithmParameters::RSA(RSAKeyParameters { .. }) => Some(Self::Rsa),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Some(Self::P256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Some(Self::P384),
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Some(Self::Ed25519),
            _ => None,
        }
    }

    /// RFC 7518 §3.1, RFC 8037 §3.1.
    fn needed(algorithm: Algorithm) -> Option<Self> {
        use Algorithm as A;
        match algorithm {
            A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512 => Some(Self::Rsa),
            A::ES256 => Some(Self::P256),
            A::ES384 => Some(Self::P384),
            A::EdDSA => Some(Self::Ed25519),
            _ => None,
        }
    }
}
