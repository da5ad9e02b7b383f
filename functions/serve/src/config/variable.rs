//! A variable of the environment, and what may stand in it.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use amaas_wire::dsse::VerifyingKey;

use super::{Iam, POSITIVE, Prepack, Replay, ResponseMode};
use crate::access::oidc::OidcConfigError;
use crate::load::Provider;
use crate::seal::Policy;

/// A variable that is missing or holds something else than it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: expected {expected}, got {}", got.as_deref().map_or("nothing".to_owned(), |got| format!("{got:?}")))]
pub struct ConfigError {
    name: &'static str,
    expected: String,
    got: Option<String>,
}

pub(super) struct Variable {
    name: &'static str,
    pub(super) value: Option<String>,
}

impl Variable {
    /// One that is empty counts as not set.
    pub(super) fn of(variables: &impl Fn(&str) -> Option<String>, name: &'static str) -> Self {
        Self { name, value: variables(name).filter(|value| !value.is_empty()) }
    }

    pub(super) fn required<T: std::str::FromStr>(self, expected: &str) -> Result<T, ConfigError> {
        match self.value.as_deref().map(str::parse) {
            Some(Ok(value)) => Ok(value),
            _ => Err(self.error(expected)),
        }
    }

    pub(super) fn or<T: std::str::FromStr>(self, expected: &str, default: T) -> Result<T, ConfigError> {
        if self.value.is_none() { Ok(default) } else { self.required(expected) }
    }

    pub(super) fn positive(self, default: usize) -> Result<usize, ConfigError> {
        if self.value.is_none() { Ok(default) } else { self.required(POSITIVE).map(NonZeroUsize::get) }
    }

    /// A number of bytes that is no less than `least`, which one sealed body can have.
    pub(super) fn at_least(self, least: usize, default: usize) -> Result<usize, ConfigError> {
        if self.value.is_none() {
            return Ok(default);
        }
        let expected = format!("a number from {least} up, which one sealed body can have");
        match self.value.as_deref().map(str::parse) {
            Some(Ok(value)) if value >= least => Ok(value),
            _ => Err(self.error(&expected)),
        }
    }

    /// A number of bytes, where one is set.
    pub(super) fn bytes(self) -> Result<Option<u64>, ConfigError> {
        if self.value.is_none() { Ok(None) } else { self.required(POSITIVE).map(NonZeroU64::get).map(Some) }
    }

    /// Whole seconds, a day at most.
    pub(super) fn seconds(self, default: Duration) -> Result<Duration, ConfigError> {
        let Some(seconds) = self.bytes()? else { return Ok(default) };
        Ok(Duration::from_secs(seconds.min(24 * 60 * 60)))
    }

    pub(super) fn providers(self) -> Result<Vec<Provider>, ConfigError> {
        let Some(list) = &self.value else { return Ok(vec![Provider::Cpu]) };
        let providers: Option<Vec<_>> = list.split(',').map(|name| Provider::from_name(name.trim())).collect();
        providers.ok_or_else(|| self.error("a list of cpu, cuda and tensorrt, such as \"cuda,cpu\""))
    }

    pub(super) fn response_mode(self) -> Result<ResponseMode, ConfigError> {
        match self.value.as_deref() {
            None | Some("buffered") => Ok(ResponseMode::Buffered),
            Some("stream") => Ok(ResponseMode::Stream),
            Some(_) => Err(self.error("\"buffered\" or \"stream\"")),
        }
    }

    pub(super) fn sealing(self) -> Result<Policy, ConfigError> {
        match self.value.as_deref() {
            None | Some("required") => Ok(Policy::Required),
            Some("optional") => Ok(Policy::Optional),
            Some("off") => Ok(Policy::Off),
            Some(_) => Err(self.error("\"required\", \"optional\" or \"off\"")),
        }
    }

    pub(super) fn publishers(self) -> Result<Vec<VerifyingKey>, ConfigError> {
        let keys = self.value.iter().flat_map(|list| list.split(',')).map(|key| key.trim().parse());
        match keys.collect::<Result<Vec<_>, _>>() {
            Ok(keys) if !keys.is_empty() => Ok(keys),
            _ => Err(self.error("public keys as `amaas signer` shows them, with commas between")),
        }
    }

    pub(super) fn allowed(self) -> Result<bool, ConfigError> {
        match self.value.as_deref() {
            None | Some("refuse") => Ok(false),
            Some("allow") => Ok(true),
            Some(_) => Err(self.error("\"allow\" or \"refuse\"")),
        }
    }

    pub(super) fn prepack(self) -> Result<Prepack, ConfigError> {
        match self.value.as_deref() {
            None | Some("later") => Ok(Prepack::Later),
            Some("at-load") => Ok(Prepack::AtLoad),
            Some("never") => Ok(Prepack::Never),
            Some(_) => Err(self.error("\"later\", \"at-load\" or \"never\"")),
        }
    }

    pub(super) fn switch(self, default: bool) -> Result<bool, ConfigError> {
        match self.value.as_deref() {
            None => Ok(default),
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => Err(self.error("\"on\" or \"off\"")),
        }
    }

    /// An address or the name of one, without the brackets that URLs have around IPv6.
    pub(super) fn host(self, default: &str) -> Result<String, ConfigError> {
        let Some(value) = self.value.as_deref() else { return Ok(default.to_owned()) };
        let inner = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value);
        let fits = if inner.contains(':') {
            // An address of a link has a zone behind it.
            inner.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
        } else {
            inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        if fits {
            return Ok(inner.to_owned());
        }
        Err(self.error("an address to listen on, such as 127.0.0.1, or all of them: 0.0.0.0 or :: (the port is PORT)"))
    }

    pub(super) fn iam(self) -> Result<Iam, ConfigError> {
        match self.value.as_deref() {
            None | Some("ignore") => Ok(Iam::Ignore),
            Some("tenant") => Ok(Iam::Tenant),
            Some(_) => Err(self.error("\"ignore\" or \"tenant\"")),
        }
    }

    pub(super) fn replay(self) -> Result<Replay, ConfigError> {
        match self.value.as_deref() {
            None | Some("refuse") => Ok(Replay::Refuse),
            Some("allow") => Ok(Replay::Allow),
            Some(_) => Err(self.error("\"allow\" or \"refuse\"")),
        }
    }

    pub(super) fn error(self, expected: &str) -> ConfigError {
        ConfigError { name: self.name, expected: expected.to_owned(), got: self.value }
    }
}

impl From<OidcConfigError> for ConfigError {
    fn from(error: OidcConfigError) -> Self {
        Self { name: error.name, expected: error.expected.to_owned(), got: error.got }
    }
}
