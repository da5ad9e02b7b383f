//! The configuration of OIDC, from the environment.

use amaas_config::ConfigError;
use reqwest::Url;

use super::{AllowedAlgorithms, ClaimPath};

/// The trusted issuer, and the claim that names the tenant. The one constructor checks all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) algorithms: AllowedAlgorithms,
    pub(super) tenant_claim: ClaimPath,
    pub(super) keys: KeysAt,
}

/// Where the issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeysAt {
    /// At the URL in this discovery document (OpenID Connect Discovery 1.0 §4).
    Discovered(Url),
    /// At this URL.
    Url(Url),
}

impl OidcConfig {
    /// The configuration in `variables`; `None` if `AMAAS_OIDC_ISSUER` is not set. An empty value counts as not set.
    ///
    /// | variable | what |
    /// | --- | --- |
    /// | `AMAAS_OIDC_ISSUER` | the issuer, exactly as in `iss` |
    /// | `AMAAS_OIDC_AUDIENCE` | the audience, exactly as in `aud` or one of its members |
    /// | `AMAAS_OIDC_TENANT_CLAIM` | the claim that names the tenant, a [`ClaimPath`] |
    /// | `AMAAS_OIDC_ALGORITHMS` | [`AllowedAlgorithms`]; `RS256,ES256,EdDSA` if not set |
    /// | `AMAAS_OIDC_JWKS` | the URL of the keys; if not set, the one in `{issuer}/.well-known/openid-configuration` |
    ///
    /// URLs are `https`, or `http` on this machine.
    ///
    /// ```
    /// use amaas_access::oidc::OidcConfig;
    ///
    /// let variables = |name: &str| match name {
    ///     "AMAAS_OIDC_ISSUER" => Some("https://login.example.com".to_owned()),
    ///     "AMAAS_OIDC_AUDIENCE" => Some("amaas".to_owned()),
    ///     "AMAAS_OIDC_TENANT_CLAIM" => Some("org_id".to_owned()),
    ///     _ => None,
    /// };
    /// assert!(OidcConfig::from_variables(variables)?.is_some());
    /// assert!(OidcConfig::from_variables(|_| None)?.is_none());
    /// # Ok::<(), amaas_config::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let value = |name| variables(name).filter(|value| !value.is_empty());
        let required = |name, expected| value(name).ok_or(ConfigError::new(name, expected, None));
        let Some(issuer) = value(ISSUER) else { return Ok(None) };
        let issuer_url = url(ISSUER, &issuer)?;
        if issuer_url.query().is_some() || issuer_url.fragment().is_some() {
            return Err(ConfigError::new(ISSUER, "a URL without query or fragment", Some(issuer)));
        }
        let keys = match value(JWKS) {
            Some(text) => KeysAt::Url(url(JWKS, &text)?),
            None => KeysAt::Discovered(url(ISSUER, &(issuer.trim_end_matches('/').to_owned() + DISCOVERY))?),
        };
        let wrong = |name, expected| move |got| ConfigError::new(name, expected, Some(got));
        let algorithms = match value(ALGORITHMS) {
            Some(list) => list.parse().map_err(|_| list).map_err(wrong(
                ALGORITHMS,
                "a list of RS256, ES256, EdDSA and the like, none of them with a shared secret",
            ))?,
            None => AllowedAlgorithms::default(),
        };
        let claim = required(TENANT_CLAIM, "the claim that names the tenant, such as org_id or /realm/tenant")?;
        let tenant_claim = claim
            .parse()
            .map_err(|()| claim)
            .map_err(wrong(TENANT_CLAIM, "a name, or a JSON pointer such as /realm/tenant"))?;
        let audience = required(AUDIENCE, "who tokens are for, as their aud has it")?;
        Ok(Some(Self { issuer, audience, algorithms, tenant_claim, keys }))
    }
}

fn url(name: &'static str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |expected, got: &str| ConfigError::new(name, expected, Some(got.to_owned()));
    let url = Url::parse(text).map_err(|_| wrong("a URL such as https://login.example.com", text))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a URL without user name and password", "one with them"));
    }
    if is_private(&url) { Ok(url) } else { Err(wrong("a URL that begins with https://", text)) }
}

/// Whether no attacker on the network can replace the keys at this URL.
pub(super) fn is_private(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    // The host of an `http` URL is normalised: lower case, IPv4 dotted, IPv6 in brackets.
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

const ISSUER: &str = "AMAAS_OIDC_ISSUER";
const AUDIENCE: &str = "AMAAS_OIDC_AUDIENCE";
const ALGORITHMS: &str = "AMAAS_OIDC_ALGORITHMS";
const TENANT_CLAIM: &str = "AMAAS_OIDC_TENANT_CLAIM";
const JWKS: &str = "AMAAS_OIDC_JWKS";
/// OpenID Connect Discovery 1.0 §4.1; a trailing `/` of the issuer is removed first.
const DISCOVERY: &str = "/.well-known/openid-configuration";

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 3] =
        [(ISSUER, "https://login.example.com/realm/"), (AUDIENCE, "amaas"), (TENANT_CLAIM, "org_id")];

    fn config(more: &[(&str, &str)]) -> Result<Option<OidcConfig>, String> {
        let find = |name: &str| {
            let last = REQUIRED.iter().chain(more).rfind(|(other, _)| *other == name);
            last.map(|(_, value)| (*value).to_owned())
        };
        OidcConfig::from_variables(find).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_stated() {
        let config = config(&[]).expect("enough is set").expect("an issuer is set");
        assert_eq!(config.algorithms.to_string(), "RS256,ES256,EdDSA");
        let document = "https://login.example.com/realm/.well-known/openid-configuration";
        assert_eq!(config.keys, KeysAt::Discovered(document.parse().expect("a URL")));
        assert_eq!(config.issuer, "https://login.example.com/realm/", "to the letter");
    }

    #[test]
    fn without_an_issuer_it_is_off() {
        assert_eq!(config(&[(ISSUER, ""), (AUDIENCE, "")]), Ok(None));
    }

    #[test]
    fn what_is_right_is_taken() {
        for more in [
            (ISSUER, "http://127.0.0.1:8080"),
            (ISSUER, "http://[::1]:8080"),
            (ISSUER, "http://localhost"),
            (JWKS, "https://keys.example.com/jwks?version=1"),
            (ALGORITHMS, "PS256, PS384,PS512,RS384,RS512,ES384"),
            (TENANT_CLAIM, "https://example.com/tenant"),
            (TENANT_CLAIM, "/kubernetes.io/namespace"),
        ] {
            assert!(config(&[more]).is_ok(), "{more:?}");
        }
    }

    #[test]
    fn each_wrong_variable_is_named() {
        for (name, value, expected) in [
            (ISSUER, "login.example.com", "AMAAS_OIDC_ISSUER: expected a URL such as https://login.example.com, got"),
            (ISSUER, "http://login.example.com", "AMAAS_OIDC_ISSUER: expected a URL that begins with https://, got"),
            (ISSUER, "http://127.0.0.1.example.com", "AMAAS_OIDC_ISSUER: expected a URL that begins with https://"),
            (ISSUER, "file:///etc", "AMAAS_OIDC_ISSUER: expected a URL that begins with https://, got"),
            (ISSUER, "https://h/?x=1", "AMAAS_OIDC_ISSUER: expected a URL without query or fragment, got"),
            (AUDIENCE, "", "AMAAS_OIDC_AUDIENCE: expected who tokens are for, as their aud has it, got nothing"),
            (TENANT_CLAIM, "", "AMAAS_OIDC_TENANT_CLAIM: expected the claim that names the tenant"),
            (TENANT_CLAIM, "/a~2", "AMAAS_OIDC_TENANT_CLAIM: expected a name, or a JSON pointer"),
            (ALGORITHMS, "none", "AMAAS_OIDC_ALGORITHMS: expected a list of RS256"),
            (ALGORITHMS, "RS256,HS256", "AMAAS_OIDC_ALGORITHMS: expected a list of RS256"),
            (ALGORITHMS, ",", "AMAAS_OIDC_ALGORITHMS: expected a list of RS256"),
            (JWKS, "http://keys.example.com", "AMAAS_OIDC_JWKS: expected a URL that begins with https://, got"),
        ] {
            let error = config(&[(name, value)]).expect_err(value);
            assert!(error.starts_with(expected), "{error}");
        }
        let error = config(&[(JWKS, "https://user:SECRET@keys.example.com")]).expect_err("a password");
        assert!(!error.contains("SECRET"), "{error}");
    }
}
