//! Endpoints: checked base URLs, and the paths under them.
//!
//! Invariant: an [`Endpoint`] is `https` or on this machine, unless plaintext is explicitly allowed. Only model names and versions
//! that need no escaping get into a path.

use std::collections::BTreeMap;
use std::fmt;

use amaas_wire::keys::{ANY, Audience};
use reqwest::Url;

use crate::error::Error;
use crate::seal::KeySource;

/// Whether plain `http` may leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaintextPolicy {
    Loopback,
    Anywhere,
}

/// A base URL that calls may go to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    pub(crate) fn parse(text: &str, plaintext: PlaintextPolicy) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::config(format!("the endpoint {why}")));
        let url = Url::parse(text).map_err(|source| {
            Error::config("the endpoint is not a URL such as https://models.example.com").with_source(source)
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("holds a user name or password: give credentials to the client instead");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("has a query or a fragment: give the part before it");
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if plaintext == PlaintextPolicy::Anywhere || is_loopback(&url) => Ok(Self(url)),
            "http" => refuse("is plain http on another machine, where keys and payload could be read: use https"),
            _ => refuse("is neither https nor http"),
        }
    }

    /// The place of the sealing keys for calls of `model`, and of `version` if it is given.
    pub(crate) fn keys_of(&self, model: &str, version: Option<&str>) -> KeySource {
        let version = version.unwrap_or(ANY).to_owned();
        let audience = Audience { model: model.to_owned(), version };
        KeySource { url: self.join(&["v1", "models", model, "keys"]), audience, base: self.base() }
    }

    /// The place of the sealing keys for calls without a model.
    pub(crate) fn keys(&self) -> KeySource {
        KeySource { url: self.join(&["v1", "keys"]), audience: Audience::service(), base: self.base() }
    }

    /// The length of the endpoint's own path. The gateway at the endpoint removes it, so the function's routes begin at the root.
    fn base(&self) -> usize {
        self.0.path().trim_end_matches('/').len()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    pub(crate) fn is_plaintext(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The URL of a path under the endpoint; each segment is percent-encoded.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // `http` and `https` URLs always have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The endpoints of a client: a main one, and those of single models.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    pub(crate) main: Option<Endpoint>,
    pub(crate) models: BTreeMap<String, Endpoint>,
}

impl Endpoints {
    pub(crate) fn main(&self) -> Result<&Endpoint, Error> {
        self.main.as_ref().ok_or_else(|| Error::config("the client has no endpoint apart from those of single models"))
    }

    pub(crate) fn of_model(&self, model: &str) -> Result<&Endpoint, Error> {
        match self.models.get(&variable_suffix(model)) {
            Some(endpoint) => Ok(endpoint),
            None => self.main.as_ref().ok_or_else(|| {
                let suffix = variable_suffix(model);
                Error::config(format!(
                    "no endpoint for the model {model:?}: set AMAAS_ENDPOINT or AMAAS_ENDPOINT_{suffix}"
                ))
            }),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.main.iter().chain(self.models.values())
    }
}

/// The model's part of `AMAAS_ENDPOINT_<MODEL>`: upper case, with `_` for `-` and `.`.
pub(crate) fn variable_suffix(model: &str) -> String {
    model.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// Checks a model's name or version before it goes into a path; `what` names it in the error.
pub(crate) fn check_name<'a>(what: &str, name: &'a str) -> Result<&'a str, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    // A path segment of dots alone would walk up the tree.
    if name.bytes().all(|byte| byte == b'.') || !name.bytes().all(allowed) {
        return Err(Error::invalid_input(format!(
            "a {what} is one or more letters, digits, '-', '_' and '.', and not dots alone; got {name:?}"
        )));
    }
    Ok(name)
}

fn is_loopback(url: &Url) -> bool {
    // The host of an `http` or `https` URL is normalised: lower case, IPv4 dotted, IPv6 in brackets.
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn only_https_and_this_machine_are_taken() {
        for (url, loopback, anywhere) in [
            ("https://models.example.com", true, true),
            ("https://models.example.com/base/", true, true),
            ("http://127.0.0.1:9000", true, true),
            ("http://127.8.8.8", true, true),
            ("http://[::1]:9000", true, true),
            ("http://LOCALHOST:9000", true, true),
            ("http://app.localhost", true, true),
            ("http://models.example.com", false, true),
            ("http://10.0.0.1", false, true),
            ("http://0.0.0.0", false, true),
            ("http://127.0.0.1.example.com", false, true),
            ("http://localhost.example.com", false, true),
            ("ftp://127.0.0.1", false, false),
            ("https://user:secret@models.example.com", false, false),
            ("https://models.example.com/?key=secret", false, false),
            ("models.example.com", false, false),
            ("", false, false),
        ] {
            for (plaintext, taken) in [(PlaintextPolicy::Loopback, loopback), (PlaintextPolicy::Anywhere, anywhere)] {
                let result = Endpoint::parse(url, plaintext);
                assert_eq!(result.is_ok(), taken, "{url} {plaintext:?}");
                assert!(result.err().is_none_or(|error| !format!("{error} {error:?}").contains("secret")), "{url}");
            }
        }
    }

    #[test]
    fn paths_keep_the_base() {
        for base in ["https://h/base", "https://h/base/"] {
            let endpoint = Endpoint::parse(base, PlaintextPolicy::Loopback).expect("https");
            assert_eq!(endpoint.join(&["v1", "models", "a b/c"]).as_str(), "https://h/base/v1/models/a%20b%2Fc");
        }
    }

    #[test]
    fn names_that_could_change_the_path_are_refused() {
        for name in ["", ".", "..", "...", "a/b", "a b", "ä", "a%2e", "a?b", "a\n"] {
            assert_eq!(check_name("model name", name).expect_err(name).kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(check_name("model name", "bge-small_v1.5").ok(), Some("bge-small_v1.5"));
    }

    #[test]
    fn a_model_may_have_its_own_endpoint() {
        let parse = |url| Endpoint::parse(url, PlaintextPolicy::Loopback).expect("https");
        let models = [("BGE_SMALL".to_owned(), parse("https://bge"))].into();
        let endpoints = Endpoints { main: Some(parse("https://main")), models };
        assert_eq!(endpoints.of_model("bge-small").ok(), Some(&parse("https://bge")));
        assert_eq!(endpoints.of_model("sentiment").ok(), Some(&parse("https://main")));
        let endpoints = Endpoints { main: None, ..endpoints };
        assert!(endpoints.of_model("sentiment").expect_err("none").to_string().contains("AMAAS_ENDPOINT_SENTIMENT"));
    }
}
