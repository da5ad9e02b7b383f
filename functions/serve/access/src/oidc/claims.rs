//! The claims of a token, checked against the configuration.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{OidcConfig, TokenError, TokenPart, VerifiedToken};

/// Where the tenant's name is in a token: the exact name of a claim (`org_id`, `https://example.com/tenant`), or a JSON pointer
/// (RFC 6901) if it begins with `/` (`/kubernetes.io/namespace`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    fn find<'a>(&self, claims: &'a TokenClaims) -> Option<&'a Value> {
        if self.0.starts_with('/') { claims.0.pointer(&self.0) } else { claims.get(&self.0) }
    }
}

impl FromStr for ClaimPath {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // A tilde is followed by 0 or 1 (RFC 6901 §3).
        let escaped = |part: &str| part.starts_with(['0', '1']);
        let well_formed = !text.starts_with('/') || text.split('~').skip(1).all(escaped);
        if text.is_empty() || !well_formed { Err(()) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The claims of a token, not verified yet.
pub(super) struct TokenClaims(Value);

impl TokenClaims {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(Value::Object(members))
    }

    /// The caller, if the claims are valid at `now` (seconds since 1970, UTC). The signature is checked elsewhere.
    pub(super) fn check(&self, config: &OidcConfig, now: u64) -> Result<VerifiedToken, TokenError> {
        if self.get("iss").and_then(Value::as_str) != Some(&config.issuer) {
            return Err(TokenError::Issuer);
        }
        if !self.is_for(&config.audience) {
            return Err(TokenError::Audience);
        }
        let expires = self.time("exp")?.ok_or(malformed("exp, a time in seconds,"))?;
        if now >= expires.saturating_add(LEEWAY) {
            return Err(TokenError::Expired);
        }
        if self.time("nbf")?.is_some_and(|begins| begins > now.saturating_add(LEEWAY)) {
            return Err(TokenError::NotYetValid);
        }
        let subject = text(self.get("sub")).ok_or(malformed("sub, 1 to 256 bytes of text,"))?;
        let tenant = text(config.tenant_claim.find(self));
        let tenant = tenant.ok_or_else(|| TokenError::NoTenant { claim: config.tenant_claim.to_string() })?;
        Ok(VerifiedToken { tenant, subject, expires })
    }

    /// RFC 7519 §4.1.3: one audience, or a list of them.
    fn is_for(&self, audience: &str) -> bool {
        match self.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// A time (`NumericDate`, RFC 7519 §2), which may have a fraction.
    fn time(&self, name: &'static str) -> Result<Option<u64>, TokenError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let fraction = |value: &Value| Some(Duration::try_from_secs_f64(value.as_f64()?).ok()?.as_secs());
        let time = value.as_u64().or_else(|| fraction(value));
        time.map(Some).ok_or(malformed("times as seconds since 1970"))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_object()?.get(name)
    }
}

/// Text that is safe in a log and as a key.
fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let fits = (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn malformed(expected: &'static str) -> TokenError {
    TokenError::Malformed { part: TokenPart::Claims, expected }
}

/// The tolerated difference of clocks, in seconds.
pub(super) const LEEWAY: u64 = 60;
/// Bounds a text claim: a subject has 255 characters at most (OpenID Connect Core 1.0 §2).
const MAX_TEXT_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::config;
    use super::*;

    fn held(change: &Value) -> Result<VerifiedToken, TokenError> {
        let mut claims = json!({"iss": "https://issuer.test", "aud": "amaas", "exp": 2000, "sub": "s", "org": "acme"});
        for (name, value) in change.as_object().expect("an object") {
            match value {
                Value::Null => claims.as_object_mut().expect("an object").remove(name),
                value => claims.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
            };
        }
        let Value::Object(members) = claims else { panic!("an object") };
        TokenClaims::new(members).check(&config("org"), 1000)
    }

    #[test]
    fn claims_are_what_is_configured() {
        let no_tenant = || TokenError::NoTenant { claim: "org".to_owned() };
        let times = || malformed("times as seconds since 1970");
        for (change, expected) in [
            (json!({}), Ok(())),
            (json!({"aud": ["other", "amaas"]}), Ok(())),
            (json!({"exp": 2000.5, "nbf": 999.5}), Ok(())),
            (json!({"exp": 941}), Ok(())),
            (json!({"nbf": 1060}), Ok(())),
            (json!({"exp": u64::MAX, "nbf": 0}), Ok(())),
            (json!({"exp": 940}), Err(TokenError::Expired)),
            (json!({"exp": 0}), Err(TokenError::Expired)),
            (json!({"nbf": 1061}), Err(TokenError::NotYetValid)),
            (json!({"exp": null}), Err(malformed("exp, a time in seconds,"))),
            (json!({"exp": "2000"}), Err(times())),
            (json!({"exp": -1}), Err(times())),
            (json!({"exp": 1e300}), Err(times())),
            (json!({"nbf": [1]}), Err(times())),
            (json!({"iss": null}), Err(TokenError::Issuer)),
            (json!({"iss": "https://issuer.test/"}), Err(TokenError::Issuer)),
            (json!({"iss": "HTTPS://issuer.test"}), Err(TokenError::Issuer)),
            (json!({"iss": ["https://issuer.test"]}), Err(TokenError::Issuer)),
            (json!({"aud": null}), Err(TokenError::Audience)),
            (json!({"aud": "Amaas"}), Err(TokenError::Audience)),
            (json!({"aud": "amaas2"}), Err(TokenError::Audience)),
            (json!({"aud": []}), Err(TokenError::Audience)),
            (json!({"aud": {"amaas": 1}}), Err(TokenError::Audience)),
            (json!({"sub": null}), Err(malformed("sub, 1 to 256 bytes of text,"))),
            (json!({"org": null}), Err(no_tenant())),
            (json!({"org": ""}), Err(no_tenant())),
            (json!({"org": 7}), Err(no_tenant())),
            (json!({"org": ["acme"]}), Err(no_tenant())),
            (json!({"org": "a\nb"}), Err(no_tenant())),
            (json!({"org": "a".repeat(257)}), Err(no_tenant())),
        ] {
            assert_eq!(held(&change).map(|_| ()), expected, "{change}");
        }
    }

    #[test]
    fn a_path_is_a_name_or_a_pointer() {
        let Value::Object(members) = json!({
            "a.b": "name", "https://x/y": "url", "a": {"b": "inner", "c/d": ["first"], "~": "tilde"}
        }) else {
            panic!("an object")
        };
        let claims = TokenClaims::new(members);
        for (path, expected) in [
            ("a.b", Some("name")),
            ("https://x/y", Some("url")),
            ("/a/b", Some("inner")),
            ("/a/c~1d/0", Some("first")),
            ("/a/~0", Some("tilde")),
            ("a/b", None),
            ("/a", None),
            ("/b", None),
        ] {
            let path: ClaimPath = path.parse().expect("a path");
            assert_eq!(path.find(&claims).and_then(Value::as_str), expected, "{path}");
        }
    }
}
