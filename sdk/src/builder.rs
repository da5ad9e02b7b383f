//! Settings of a client, checked when it is built.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use amaas_wire::{ApiKey, MalformedKey};

use crate::call::Caller;
use crate::credentials::{Authorization, CredentialProvider, Credentials};
use crate::endpoint::{Endpoint, Endpoints, Plaintext, check_name, variable_suffix};
use crate::retry::Retry;
use crate::transport::{Http, HttpConfig, Proxy};
use crate::{Client, Error, RetryConfig, environment, random};

/// Makes a [`Client`]. An endpoint and credentials are needed; the rest has defaults.
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
    credentials: Result<Credentials, Error>,
    plaintext: Plaintext,
    timeout: Duration,
    attempt_timeout: Duration,
    connect_timeout: Duration,
    retry: RetryConfig,
    user_agent: String,
    max_answer: usize,
}

impl ClientBuilder {
    /// A builder with the settings of the environment, as [`Client::from_env`] reads them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) says what is missing or malformed, and what to do.
    pub fn from_env() -> Result<Self, Error> {
        let current = std::env::current_dir()
            .map_err(|source| Error::config("the current folder cannot be read").with_source(source))?;
        environment::builder(&environment::process()?, &current)
    }

    /// The base URL of the service: `https`, or `http` on this machine; a path in it is kept.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.main = Some(url.into());
        self
    }

    /// The base URL for one model, in place of the main one. `AMAAS_ENDPOINT_<MODEL>` is the same in the environment;
    /// as there, upper and lower case and `-`, `_` and `.` in the model's name are not told apart.
    pub fn endpoint_for(mut self, model: impl Into<String>, url: impl Into<String>) -> Self {
        self.models.push((model.into(), url.into()));
        self
    }

    /// The API key: an [`ApiKey`], or text that is one.
    pub fn api_key(mut self, key: impl IntoApiKey) -> Self {
        self.credentials = key
            .into_api_key()
            .map(|key| Credentials::Fixed(Authorization::from(&key)))
            .map_err(|why| Error::config(format!("the API key is malformed: {why}")));
        self
    }

    /// A bearer token of another kind, such as an identity provider's.
    pub fn bearer(mut self, token: &str) -> Self {
        self.credentials = Authorization::bearer(token).map(Credentials::Fixed);
        self
    }

    /// A provider that is asked on every attempt.
    pub fn credentials(mut self, provider: impl CredentialProvider + 'static) -> Self {
        self.credentials = Ok(Credentials::Provider(Arc::new(provider)));
        self
    }

    /// No credentials, for a service that asks for none.
    pub fn anonymous(mut self) -> Self {
        self.credentials = Ok(Credentials::Anonymous);
        self
    }

    /// The time for a whole call: attempts, waits and the reading of the answer. 60 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The time for one attempt. Unless set an attempt may take all of the call's time, because the first call of a
    /// function may wait for its model to load.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// The time for making a connection. 5 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How often and how fast failed attempts are tried again.
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.retry = config;
        self
    }

    /// The `User-Agent`. `amaas-rust/` and this crate's version unless set.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The largest answer that is read, in bytes. 64 MiB unless set.
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Allows plain `http` to other machines, where everyone on the way can read keys and payload.
    pub fn danger_allow_plaintext(mut self) -> Self {
        self.plaintext = Plaintext::Anywhere;
        self
    }

    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) names the setting that is missing or malformed.
    pub fn build(self) -> Result<Client, Error> {
        let endpoints = self.endpoints()?;
        let plain = endpoints.iter().any(Endpoint::is_plaintext);
        let transport = Http::new(HttpConfig {
            connect_timeout: self.connect_timeout,
            user_agent: self.user_agent,
            max_answer: self.max_answer,
            proxy: if plain { Proxy::Off } else { Proxy::Environment },
        })?;
        let caller = Caller {
            transport: Box::new(transport),
            credentials: self.credentials?,
            retry: Retry::new(self.retry, random::fraction),
            timeout: self.timeout,
            attempt_timeout: self.attempt_timeout,
        };
        Ok(Client { endpoints: Arc::new(endpoints), caller: Arc::new(caller) })
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

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            main: None,
            models: Vec::new(),
            credentials: Err(Error::config("no credentials: call api_key(), bearer(), credentials() or anonymous()")),
            plaintext: Plaintext::Loopback,
            timeout: Duration::from_mins(1),
            attempt_timeout: Duration::MAX,
            connect_timeout: Duration::from_secs(5),
            retry: RetryConfig::default(),
            user_agent: concat!("amaas-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_answer: 64 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for ClientBuilder {
    /// Endpoints are not shown: they are not checked yet, and may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// What [`ClientBuilder::api_key`] takes: an [`ApiKey`], or text that is checked to be one.
pub trait IntoApiKey: sealed::Sealed {
    /// The key.
    ///
    /// # Errors
    /// [`MalformedKey`] names the part that is wrong.
    fn into_api_key(self) -> Result<ApiKey, MalformedKey>;
}

impl IntoApiKey for ApiKey {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        Ok(self)
    }
}

impl IntoApiKey for &ApiKey {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        Ok(self.clone())
    }
}

impl IntoApiKey for &str {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        self.parse()
    }
}

impl IntoApiKey for String {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        zeroize::Zeroizing::new(self).parse()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for amaas_wire::ApiKey {}
    impl Sealed for &amaas_wire::ApiKey {}
    impl Sealed for &str {}
    impl Sealed for String {}
}
