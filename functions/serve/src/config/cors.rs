//! The origins that may call from a browser.

use http::HeaderValue;

use amaas_config::{ConfigError, Variable};

/// The origins whose pages may call, beside the function's own origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllowedOrigins {
    /// None: browsers let no page of another origin read a response.
    #[default]
    None,
    /// Exactly these.
    Only(Vec<HeaderValue>),
    /// All origins.
    Any,
}

impl AllowedOrigins {
    /// The origins in the process's environment, `AMAAS_CORS_ORIGINS`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(amaas_config::process)
    }

    /// The origins in `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = Variable::read(&variables, "AMAAS_CORS_ORIGINS");
        let Some(list) = variable.value() else { return Ok(Self::None) };
        if list.trim() == "*" {
            return Ok(Self::Any);
        }
        match list.split(',').map(|origin| origin_of(origin.trim())).collect() {
            Some(origins) => Ok(Self::Only(origins)),
            None => Err(variable.error(
                "origins as browsers send them, such as \"https://app.example.com\", without a path and with commas between, or \"*\" alone",
            )),
        }
    }
}

/// Parses `origin` if browsers write it so (RFC 6454 §6.2): scheme, host, and a port unless it is the scheme's default.
fn origin_of(origin: &str) -> Option<HeaderValue> {
    let (scheme, authority) = origin.split_once("://")?;
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte));
    let fits = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/?#@*\\".contains(&byte);
    let own = matches!((scheme, authority.rsplit_once(':')), ("https", Some((_, "443"))) | ("http", Some((_, "80"))));
    let fits = scheme_fits && !own && !authority.is_empty() && authority.bytes().all(fits);
    fits.then(|| HeaderValue::from_str(origin).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_those_that_browsers_send() {
        let origins = |list: &str| {
            AllowedOrigins::from_variables(|name| (name == "AMAAS_CORS_ORIGINS").then(|| list.to_owned()))
                .map_err(|error| error.to_string())
        };
        for (list, expected) in [
            ("", AllowedOrigins::None),
            ("*", AllowedOrigins::Any),
            ("https://a.example", AllowedOrigins::Only(vec![HeaderValue::from_static("https://a.example")])),
            (
                "http://localhost:3000, capacitor://localhost,http://[::1]:8080",
                AllowedOrigins::Only(
                    ["http://localhost:3000", "capacitor://localhost", "http://[::1]:8080"]
                        .map(HeaderValue::from_static)
                        .into(),
                ),
            ),
        ] {
            assert_eq!(origins(list), Ok(expected), "{list:?}");
        }
        for wrong in [
            "a.example",
            "https://a.example/",
            "https://a.example/app",
            "https://A.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://user@a.example",
            "https://*.example",
            "https://a.example,*",
            "https://a.example,",
            "https://",
            "null",
            "https://a b",
            "https://a\u{7f}",
        ] {
            let error = origins(wrong).expect_err(wrong);
            assert!(error.starts_with("AMAAS_CORS_ORIGINS: expected origins as browsers send them"), "{error}");
        }
    }
}
