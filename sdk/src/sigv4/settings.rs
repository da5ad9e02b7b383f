//! Settings of signatures.

use std::fmt;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::scope::SigningScope;
use crate::error::Error;

/// How requests are signed for AWS IAM, for a Function URL (service `lambda`) or an HTTP API (service `execute-api`) that asks for it.
/// It needs the feature `sigv4`.
///
/// IAM can be all the identity that there is: no API key is needed then. With one, it stays inside the seal; where sealing is off, it
/// stands in `x-api-key`, since `Authorization` has the signature.
///
/// AWS credentials come from the environment, as the AWS SDKs read it: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
/// `AWS_SESSION_TOKEN`; with the feature `sigv4-config`, where these are not set, from where else those SDKs find them: profiles (a
/// `credential_process` too, SSO not), web identity, containers, EC2. They are asked for when the first request goes
/// out, and again before they expire.
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

    /// For the region and service that the host name tells, of each endpoint for itself: `*.lambda-url.REGION.on.aws` or
    /// `*.execute-api.REGION.amazonaws.com`. A client with an endpoint of another name cannot be built.
    pub fn by_host() -> Self {
        Self { scope: SigningScope::ByHost, provider: None }
    }

    /// AWS credentials of your own, or what gives them: [`Credentials`](super::Credentials), or a provider of the crate `aws-config`. What it gives
    /// is kept until a minute before it expires, and where it names no end, for 15 minutes.
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

    /// Whether requests to `url` can be signed.
    pub(crate) fn check(&self, url: &reqwest::Url) -> Result<(), Error> {
        self.scope.of(url).map(|_| ())
    }

    /// What `AMAAS_SIGV4` says: `auto`, or a service and a region such as `lambda:eu-central-1`.
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
