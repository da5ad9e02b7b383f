//! Settings of signatures.

use std::fmt;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::scope::SigningScope;
use crate::error::Error;

/// Signs requests for AWS IAM: for a Function URL (service `lambda`) or an HTTP API (service `execute-api`) with IAM
/// authorisation. It needs the feature `sigv4`.
///
/// No API key is needed beside IAM. With a key, it stays inside the seal. If sealing is off, the key is in `x-api-key`, because
/// `Authorization` has the signature.
///
/// AWS credentials come from the environment, as in the AWS SDKs: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
/// `AWS_SESSION_TOKEN`. If these are not set, the feature `sigv4-config` adds the other sources of those SDKs: profiles (with
/// `credential_process`, without SSO), web identity, containers, EC2. They are read for the first request, and again before they
/// expire.
///
/// ```
/// use amaas::{Client, SigV4};
///
/// let client = Client::builder()
///     .endpoint("https://abc.lambda-url.eu-central-1.on.aws")
///     .sigv4(SigV4::new("eu-central-1", "lambda"))
///     .build()?;
/// # Ok::<(), amaas::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct SigV4 {
    pub(super) scope: SigningScope,
    pub(super) provider: Option<SharedCredentialsProvider>,
}

impl SigV4 {
    /// For this region, such as `eu-central-1`, and this service: `lambda` or `execute-api`.
    pub fn new(region: impl Into<String>, service: impl Into<String>) -> Self {
        Self { scope: SigningScope::Stated { region: region.into(), service: service.into() }, provider: None }
    }

    /// For the region and service in the host name of each endpoint: `*.lambda-url.REGION.on.aws` or
    /// `*.execute-api.REGION.amazonaws.com`. A client with an endpoint of another name cannot be built.
    pub fn by_host() -> Self {
        Self { scope: SigningScope::ByHost, provider: None }
    }

    /// Your own AWS credentials: [`Credentials`](super::Credentials), or a provider of the crate `aws-config`. They are cached until a
    /// minute before they expire, or for 15 minutes if they have no expiry.
    ///
    /// ```
    /// use amaas::sigv4::Credentials;
    /// use amaas::{Client, SigV4};
    ///
    /// let assumed = Credentials::new("ASIAEXAMPLE", "secret", Some("session token".to_owned()), None, "example");
    /// let client = Client::builder()
    ///     .endpoint("https://abc.execute-api.eu-central-1.amazonaws.com")
    ///     .sigv4(SigV4::by_host().credentials(assumed))
    ///     .build()?;
    /// # Ok::<(), amaas::Error>(())
    /// ```
    pub fn credentials(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.provider = Some(SharedCredentialsProvider::new(provider));
        self
    }

    /// Checks that requests to `url` can be signed.
    pub(crate) fn check(&self, url: &reqwest::Url) -> Result<(), Error> {
        self.scope.of(url).map(|_| ())
    }

    /// Reads the value of `AMAAS_SIGV4`: `auto`, or a service and a region such as `lambda:eu-central-1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "auto" => Some(Self::by_host()),
            Some((service @ ("lambda" | "execute-api"), region)) => Some(Self::new(region, service)),
            _ => None,
        }
    }
}

impl fmt::Debug for SigV4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigV4").field("scope", &self.scope).finish_non_exhaustive()
    }
}
