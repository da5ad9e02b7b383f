//! Settings of a client, checked when it is built.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use amaas_ohttp::Suite;
use amaas_wire::dsse::VerifyingKey;

use crate::call::CallContext;
use crate::client::Client;
use crate::content_hash::ContentHashTransport;
use crate::credentials::{Authorization, ClientCredentials, CredentialProvider};
use crate::endpoint::{Endpoint, Endpoints, PlaintextPolicy, check_name, variable_suffix};
use crate::error::Error;
use crate::into_api_key::IntoApiKey;
use crate::random;
use crate::retry::{RetryConfig, RetryPolicy};
use crate::seal::{CallSealer, KeyRequirements};
use crate::sealing::Sealing;
use crate::transport::{HttpConfig, HttpTransport, ProxyPolicy, Transport};

impl Client {
    /// A builder with default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

/// Builds a [`Client`]. An endpoint and credentials are required; the rest has defaults.
///
/// ```
/// use std::time::Duration;
/// use amaas::{ApiKey, Client, RetryConfig};
///
/// let key = ApiKey::generate("dev").expect("the system gives randomness");
/// let client = Client::builder()
///     .endpoint("https://models.example.com")
///     .endpoint_for("sentiment", "https://abc.lambda-url.eu-central-1.on.aws")
///     .api_key(key)
///     .timeout(Duration::from_secs(20))
///     .retry(RetryConfig::default().max_retries(4))
///     .build()?;
/// # Ok::<(), amaas::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    main: Option<String>,
    models: Vec<(String, String)>,
    credentials: Option<Result<ClientCredentials, Error>>,
    #[cfg(feature = "sigv4")]
    sigv4: Option<crate::sigv4::SigV4>,
    content_hash: ContentHash,
    plaintext: PlaintextPolicy,
    timeout: Duration,
    attempt_timeout: Duration,
    connect_timeout: Duration,
    retry: RetryConfig,
    user_agent: String,
    max_answer: usize,
    sealing: Sealing,
    key_requirements: KeyRequirements,
}

impl ClientBuilder {
    /// The base URL of the service: `https`, or `http` on this machine; a path in it is kept.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.main = Some(url.into());
        self
    }

    /// The base URL for one model, in place of the main one; `AMAAS_ENDPOINT_<MODEL>` in the environment. Upper and lower case, and
    /// `-`, `_` and `.`, in the model's name are equivalent.
    pub fn endpoint_for(mut self, model: impl Into<String>, url: impl Into<String>) -> Self {
        self.models.push((model.into(), url.into()));
        self
    }

    /// The API key: an [`ApiKey`](crate::ApiKey) or its text.
    pub fn api_key(mut self, key: impl IntoApiKey) -> Self {
        let key = key.into_api_key().map(|key| ClientCredentials::Fixed(Authorization::from(&key)));
        self.credentials = Some(key.map_err(|why| Error::config(format!("the API key is malformed: {why}"))));
        self
    }

    /// A bearer token of another kind, such as an identity provider's.
    pub fn bearer(mut self, token: &str) -> Self {
        self.credentials = Some(Authorization::bearer(token).map(ClientCredentials::Fixed));
        self
    }

    /// A provider of credentials, which is called for every attempt.
    pub fn credentials(mut self, provider: impl CredentialProvider + 'static) -> Self {
        self.credentials = Some(Ok(ClientCredentials::Provider(Arc::new(provider))));
        self
    }

    /// No credentials, for a service that requires none.
    pub fn anonymous(mut self) -> Self {
        self.credentials = Some(Ok(ClientCredentials::Anonymous));
        self
    }

    /// Signs requests for AWS IAM, with or without other credentials. Needs the feature `sigv4`.
    #[cfg(feature = "sigv4")]
    pub fn sigv4(mut self, sigv4: crate::sigv4::SigV4) -> Self {
        self.sigv4 = Some(sigv4);
        self
    }

    /// Sends the SHA-256 of each body in `x-amz-content-sha256`. `CloudFront` requires it if it signs requests to a Function URL (origin
    /// access control). It takes about a millisecond for a body of 1 MB. Requests that are signed with `sigv4` always have it.
    pub fn content_sha256(mut self) -> Self {
        self.content_hash = ContentHash::Sent;
        self
    }

    /// Whether calls are sealed. They are by default, and [`Sealing::Off`] is for this machine only.
    pub fn sealing(mut self, sealing: Sealing) -> Self {
        self.sealing = sealing;
        self
    }

    /// The suite to seal with, in place of the most preferred one that the service offers. A call fails if the service does not offer it.
    ///
    /// ```
    /// use amaas::{Client, Suite};
    ///
    /// let builder = Client::builder().endpoint("https://models.example.com").anonymous().suite(Suite::X25519);
    /// # builder.build()?;
    /// # Ok::<(), amaas::Error>(())
    /// ```
    pub fn suite(mut self, suite: Suite) -> Self {
        self.key_requirements.suite = Some(suite);
        self
    }

    /// Pins the signers: one of them has to sign the sealing keys, for the model and version that is called. Without pins, an attacker
    /// who can answer in place of the service can offer its own keys. The same signers sign [receipts](crate::Answer::receipt), and an
    /// answer with a receipt by another signer is refused.
    ///
    /// ```
    /// use amaas::{Client, VerifyingKey};
    ///
    /// let signer: VerifyingKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".parse()?;
    /// let client = Client::builder().endpoint("https://models.example.com").anonymous().signers([signer]).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signers(mut self, signers: impl IntoIterator<Item = VerifyingKey>) -> Self {
        self.key_requirements.signers = Some(signers.into_iter().collect());
        self
    }

    /// The time-out of a call, with all attempts, waits and the reading of the answer. 60 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The time-out of one attempt. By default an attempt may take all of the call's time, because the first call of a function may wait
    /// for its model to load.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// The time-out of connecting. 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How often and how fast failed attempts are retried.
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.retry = config;
        self
    }

    /// The `User-Agent`. `amaas-rust/` and this crate's version by default.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The largest accepted answer, in bytes. 64 MiB by default.
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Allows plain `http` and [`Sealing::Off`] for other machines, so that the network and gateways can read the calls. A sealed call
    /// stays sealed over plain `http`; its path, time and size are visible.
    pub fn danger_allow_plaintext(mut self) -> Self {
        self.plaintext = PlaintextPolicy::Anywhere;
        self
    }

    /// Checks the settings and builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) names the setting that is missing or malformed.
    pub fn build(mut self) -> Result<Client, Error> {
        let endpoints = self.endpoints()?;
        let caller = CallContext {
            seal: self.seal(&endpoints)?,
            transport: self.transport(&endpoints)?,
            credentials: self.identity()?,
            signers: self.key_requirements.signers,
            retry: RetryPolicy::new(self.retry, random::fraction),
            timeout: self.timeout,
            attempt_timeout: self.attempt_timeout,
            max_answer: self.max_answer,
        };
        Ok(Client { endpoints: Arc::new(endpoints), caller: Arc::new(caller) })
    }

    /// The transport, with signatures or content hashes if they are set.
    fn transport(&self, endpoints: &Endpoints) -> Result<Arc<dyn Transport>, Error> {
        let plain = endpoints.iter().any(Endpoint::is_plaintext);
        let http = HttpTransport::new(HttpConfig {
            connect_timeout: self.connect_timeout,
            user_agent: self.user_agent.clone(),
            proxy: if plain { ProxyPolicy::Off } else { ProxyPolicy::Environment },
        })?;
        #[cfg(feature = "sigv4")]
        if let Some(sigv4) = &self.sigv4 {
            endpoints.iter().try_for_each(|endpoint| sigv4.check(&endpoint.join(&[])))?;
            return Ok(Arc::new(crate::sigv4::SigningTransport::new(http, sigv4.clone())));
        }
        match self.content_hash {
            ContentHash::Sent => Ok(Arc::new(ContentHashTransport(http))),
            ContentHash::Left => Ok(Arc::new(http)),
        }
    }

    /// The credentials apart from signatures.
    fn identity(&mut self) -> Result<ClientCredentials, Error> {
        #[cfg(feature = "sigv4")]
        if self.sigv4.is_some() && self.credentials.is_none() {
            return Ok(ClientCredentials::Anonymous);
        }
        let none = || Err(Error::config("no credentials: call api_key(), bearer(), credentials() or anonymous()"));
        self.credentials.take().unwrap_or_else(none)
    }

    /// The sealer; `None` if sealing is off and allowed to be off.
    fn seal(&self, endpoints: &Endpoints) -> Result<Option<CallSealer>, Error> {
        let pinned = self.key_requirements.signers.as_ref();
        if pinned.is_some_and(Vec::is_empty) {
            return Err(Error::config("signers are pinned, and there are none: give one or more, or do not pin"));
        }
        match self.sealing {
            Sealing::Required => Ok(Some(CallSealer::new(self.key_requirements.clone()))),
            Sealing::Off if pinned.is_some() || self.key_requirements.suite.is_some() => {
                Err(Error::config("sealing is off, and signers or a suite are set: leave one of the two out"))
            }
            Sealing::Off
                if self.plaintext == PlaintextPolicy::Loopback && !endpoints.iter().all(Endpoint::is_loopback) =>
            {
                Err(Error::config(
                    "sealing is off, and an endpoint is on another machine, where keys and payload could be read: \
                     leave sealing on",
                ))
            }
            Sealing::Off => Ok(None),
        }
    }

    fn endpoints(&self) -> Result<Endpoints, Error> {
        let parse = |url: &str| Endpoint::parse(url, self.plaintext);
        let main = self.main.as_deref().map(parse).transpose()?;
        let models = self.models.iter().map(|(model, url)| {
            check_name("model name", model).map_err(|error| Error::config(error.to_string()))?;
            Ok((variable_suffix(model), parse(url)?))
        });
        let endpoints = Endpoints { main, models: models.collect::<Result<_, Error>>()? };
        if endpoints.iter().next().is_none() {
            return Err(Error::config("no endpoint: call endpoint() or endpoint_for(), or use Client::from_env()"));
        }
        Ok(endpoints)
    }
}

/// Whether requests have the hash of their body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ContentHash {
    Sent,
    Left,
}

/// Accessors for tests.
#[cfg(test)]
impl ClientBuilder {
    /// Whether each body's hash goes along.
    pub(crate) fn hashes(&self) -> bool {
        self.content_hash == ContentHash::Sent
    }

    /// Whether requests are signed with AWS credentials.
    pub(crate) fn signs(&self) -> bool {
        #[cfg(feature = "sigv4")]
        return self.sigv4.is_some();
        #[cfg(not(feature = "sigv4"))]
        false
    }

    /// Whether `key` is what requests carry.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        matches!(&self.credentials, Some(Ok(ClientCredentials::Fixed(is))) if is.secret() == key)
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            main: None,
            models: Vec::new(),
            credentials: None,
            #[cfg(feature = "sigv4")]
            sigv4: None,
            content_hash: ContentHash::Left,
            plaintext: PlaintextPolicy::Loopback,
            timeout: Duration::from_mins(1),
            attempt_timeout: Duration::MAX,
            connect_timeout: Duration::from_secs(5),
            retry: RetryConfig::default(),
            user_agent: concat!("amaas-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_answer: 64 * 1024 * 1024,
            sealing: Sealing::default(),
            key_requirements: KeyRequirements::default(),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    /// Endpoints are not shown, because they are not checked yet and may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("sealing", &self.sealing)
            .finish_non_exhaustive()
    }
}
