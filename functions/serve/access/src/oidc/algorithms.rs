//! The signature algorithms that are accepted.

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::{Algorithm, AlgorithmFamily};

/// Algorithms of RFC 7518 §3.1 and RFC 8037, each with a public key. Text form: names with commas between.
///
/// ```
/// use amaas_access::oidc::AllowedAlgorithms;
///
/// assert_eq!(AllowedAlgorithms::default().to_string(), "RS256,ES256,EdDSA");
/// assert!("PS256, ES384".parse::<AllowedAlgorithms>().is_ok());
/// for wrong in ["", "none", "HS256", "RS256,HS256"] {
///     assert!(wrong.parse::<AllowedAlgorithms>().is_err());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedAlgorithms(Vec<Algorithm>);

impl AllowedAlgorithms {
    /// The algorithm `name`, if it is allowed.
    pub(super) fn named(&self, name: &str) -> Option<Algorithm> {
        name.parse().ok().filter(|algorithm| self.0.contains(algorithm))
    }
}

impl Default for AllowedAlgorithms {
    fn default() -> Self {
        Self(vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA])
    }
}

impl FromStr for AllowedAlgorithms {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let public = |algorithm: &Algorithm| algorithm.family() != AlgorithmFamily::Hmac;
        let one = |name: &str| name.trim().parse().ok().filter(public).ok_or(UnknownAlgorithm);
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for AllowedAlgorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|algorithm| format!("{algorithm:?}")).collect();
        f.write_str(&names.join(","))
    }
}

/// The list contains an unknown algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA")]
pub struct UnknownAlgorithm;
