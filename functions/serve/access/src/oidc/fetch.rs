//! Fetches the issuer's keys, with discovery.
//!
//! Invariants: redirects are not followed; at most [`MAX_DOCUMENT_BYTES`] are read; a document of another issuer than the configured one
//! is refused (OpenID Connect Discovery 1.0 §4.3).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Url};
use serde::Deserialize;

use super::OidcConfig;
use super::config::{KeysAt, is_loopback, is_private};
use super::keys::KeySet;

/// Fetches keys.
pub(super) struct KeyFetcher {
    client: Client,
    issuer: String,
    keys: KeysAt,
}

impl KeyFetcher {
    /// A fetcher of the configured issuer's keys.
    pub(super) fn new(config: &OidcConfig) -> Result<Self, String> {
        let builder = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(REQUEST_TIMEOUT)
            // An idle connection is dead minutes later, in particular after the process was frozen.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        let (KeysAt::Discovered(url) | KeysAt::Url(url)) = &config.keys;
        // A proxy cannot reach this machine.
        let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| format!("the HTTP client cannot be created: {error}"))?;
        Ok(Self { client, issuer: config.issuer.clone(), keys: config.keys.clone() })
    }

    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        let url = match &self.keys {
            KeysAt::Url(url) => url.clone(),
            KeysAt::Discovered(document) => self.discover(document).await?,
        };
        let json = self.read(&url).await?;
        KeySet::parse(&json).map_err(|why| format!("{url}: {why}"))
    }

    /// The URL of the keys, from the issuer's discovery document.
    async fn discover(&self, url: &Url) -> Result<Url, String> {
        #[derive(Deserialize)]
        struct DiscoveryDocument {
            issuer: String,
            jwks_uri: String,
        }
        let json = self.read(url).await?;
        let document: DiscoveryDocument = serde_json::from_slice(&json)
            .map_err(|error| format!("{url}: expected a document with issuer and jwks_uri: {error}"))?;
        if document.issuer != self.issuer {
            return Err(format!("{url}: expected the issuer {:?}, got {:?}", self.issuer, document.issuer));
        }
        let own_machine = url.scheme() == "http";
        let keys = Url::parse(&document.jwks_uri).ok();
        let keys = keys.filter(|keys| keys.scheme() == "https" || (own_machine && is_private(keys)));
        keys.ok_or_else(|| format!("{url}: expected a jwks_uri that begins with https://, got {:?}", document.jwks_uri))
    }

    async fn read(&self, url: &Url) -> Result<Bytes, String> {
        let failed = |error: reqwest::Error| {
            let cause = std::iter::successors(std::error::Error::source(&error), |error| error.source()).last();
            let cause = cause.map_or(String::new(), |cause| format!(": {cause}"));
            format!("{error}{cause}")
        };
        let mut response = self.client.get(url.clone()).send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("{url}: expected the status 200, got {}", response.status().as_u16()));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > MAX_DOCUMENT_BYTES - body.len() {
                return Err(format!("{url}: expected at most {MAX_DOCUMENT_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// Bounds each request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Bounds a document: two hundred keys of usual size, certificates included.
const MAX_DOCUMENT_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::super::testing::{Site, variables};
    use super::*;

    /// What is fetched of a site whose document and keys are these.
    async fn fetched(site: &Site, discovered: bool) -> Result<usize, String> {
        let keys = site.url("/jwks");
        let more = if discovered { vec![] } else { vec![("AMAAS_OIDC_JWKS", keys.as_str())] };
        let config = variables(&[&[("AMAAS_OIDC_ISSUER", site.url("").as_str())], &*more].concat());
        KeyFetcher::new(&config)?.fetch().await.map(|keys| keys.len())
    }

    #[tokio::test]
    async fn keys_are_found_through_the_issuers_document() {
        let site = Site::start().await;
        let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        site.serve("/jwks", 200, set);
        assert_eq!(fetched(&site, false).await, Ok(1));
        let document = |issuer: &str, keys: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#);
        for (body, expected) in [
            (document(&site.url(""), &site.url("/jwks")), Ok(1)),
            (document(&site.url("/"), &site.url("/jwks")), Err("expected the issuer")),
            (document(&site.url(""), "http://keys.example.com/"), Err("expected a jwks_uri that begins with https://")),
            (document(&site.url(""), "file:///etc/passwd"), Err("expected a jwks_uri that begins with https://")),
            (document(&site.url(""), "jwks"), Err("expected a jwks_uri that begins with https://")),
            ("<html>".to_owned(), Err("expected a document with issuer and jwks_uri")),
            ("{}".to_owned(), Err("expected a document with issuer and jwks_uri")),
        ] {
            site.serve("/.well-known/openid-configuration", 200, &body);
            match (fetched(&site, true).await, expected) {
                (got, Ok(_)) => assert_eq!(got, Ok(1), "{body}"),
                (got, Err(part)) => assert!(got.as_ref().is_err_and(|why| why.contains(part)), "{body}: {got:?}"),
            }
        }
    }

    #[tokio::test]
    async fn nothing_else_is_taken_for_keys() {
        let site = Site::start().await;
        for (status, body, expected) in [
            (404, "{}".to_owned(), "expected the status 200, got 404"),
            (302, String::new(), "expected the status 200, got 302"),
            (200, "[]".to_owned(), "expected a set of JWKs"),
            (200, "{}".to_owned(), "expected a set of JWKs"),
            (
                200,
                format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_DOCUMENT_BYTES)),
                "expected at most 262144 bytes",
            ),
        ] {
            site.serve("/jwks", status, &body);
            let why = fetched(&site, false).await.expect_err(expected);
            assert!(why.contains(expected), "{why}");
        }
        site.serve("/jwks", 200, r#"{"keys":[{"kty":"new"},{"kty":"RSA"},7,{"kty":"oct","k":"AAAA"}]}"#);
        assert_eq!(fetched(&site, false).await, Ok(0), "members that cannot be used are left out");
        let gone = site.url("/jwks");
        drop(site);
        let config = variables(&[("AMAAS_OIDC_JWKS", gone.as_str())]);
        assert!(KeyFetcher::new(&config).expect("a client").fetch().await.is_err_and(|why| why.contains(&gone)));
    }
}
