//! The transport: one HTTP exchange, without policy.
//!
//! Invariant: redirects are not followed, nothing is retried here, and no more than the limit is read. (If a pooled connection is
//! closed before anything was written to it, hyper uses a new one; nothing is sent twice.)

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use crate::error::{BoxError, Error, ErrorKind, cause};

/// One HTTP request. It has no `Debug`: the body is payload.
#[derive(Clone)]
pub(crate) struct OutgoingRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The length of the endpoint's own part of the path, which is left out inside a seal.
    pub(crate) base: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The largest answer that is read, in bytes.
    pub(crate) limit: usize,
}

/// One complete HTTP answer.
#[derive(Clone)]
pub(crate) struct ReceivedResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ReceivedResponse {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why an exchange has no answer.
#[derive(Debug)]
pub(crate) enum TransportError {
    /// No connection; nothing was sent.
    NotSent(BoxError),
    /// No connection, because the endpoint's certificate is not trusted; nothing was sent.
    Untrusted(BoxError),
    /// The connection ended early.
    Lost(BoxError),
    /// The answer is larger than the limit.
    TooLarge { status: u16, limit: usize },
    /// The request could not be signed, so it was not sent.
    #[cfg(feature = "sigv4")]
    Unsigned(BoxError),
}

/// Sends requests: over HTTP, or to a script in a test.
pub(crate) trait Transport: Send + Sync {
    fn send(&self, request: OutgoingRequest) -> TransportFuture<'_>;
}

pub(crate) type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<ReceivedResponse, TransportError>> + Send + 'a>>;

/// HTTP/1.1 and HTTP/2 over rustls.
///
/// The tasks that drive connections belong to the runtime that created them, and do not run for another runtime. So each runtime has
/// its own HTTP client and connections.
pub(crate) struct HttpTransport {
    config: HttpConfig,
    clients: Mutex<RuntimeClients>,
}

#[derive(Clone)]
pub(crate) struct HttpConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) user_agent: String,
    pub(crate) proxy: ProxyPolicy,
}

/// Whether proxies of the environment are used. A proxy could read plain `http`, and cannot reach this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyPolicy {
    Environment,
    Off,
}

/// The HTTP clients of the most recent runtimes.
struct RuntimeClients {
    /// Created with the [`HttpTransport`] to check the settings; the first runtime uses it.
    unused: Option<reqwest::Client>,
    by_runtime: VecDeque<(tokio::runtime::Id, reqwest::Client)>,
}

impl RuntimeClients {
    fn of(&mut self, runtime: tokio::runtime::Id) -> Option<reqwest::Client> {
        if let Some((_, client)) = self.by_runtime.iter().find(|(of, _)| *of == runtime) {
            return Some(client.clone());
        }
        let client = self.unused.take()?;
        self.put(runtime, client.clone());
        Some(client)
    }

    fn put(&mut self, runtime: tokio::runtime::Id, client: reqwest::Client) {
        if self.by_runtime.len() == MAX_RUNTIMES {
            self.by_runtime.pop_front();
        }
        self.by_runtime.push_back((runtime, client));
    }
}

impl HttpConfig {
    /// Reads the certificates that the system trusts, which takes milliseconds.
    fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .user_agent(&self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if self.proxy == ProxyPolicy::Off { builder.no_proxy() } else { builder }.build()
    }
}

impl HttpTransport {
    pub(crate) fn new(config: HttpConfig) -> Result<Self, Error> {
        let client =
            config.client().map_err(|source| Error::config("no HTTP client can be made").with_source(source))?;
        let clients = RuntimeClients { unused: Some(client), by_runtime: VecDeque::new() };
        Ok(Self { config, clients: Mutex::new(clients) })
    }

    /// The HTTP client of the current runtime.
    async fn client(&self) -> Result<reqwest::Client, TransportError> {
        let runtime = tokio::runtime::Handle::current().id();
        if let Some(client) = self.clients().of(runtime) {
            return Ok(client);
        }
        let config = self.config.clone();
        let made = tokio::task::spawn_blocking(move || config.client()).await;
        let client = made.map_err(|ended| TransportError::NotSent(ended.into()))?.map_err(TransportError::from)?;
        // Another call of this runtime may have been faster; then its connections are shared.
        let mut clients = self.clients();
        if let Some(client) = clients.of(runtime) {
            return Ok(client);
        }
        clients.put(runtime, client.clone());
        Ok(client)
    }

    fn clients(&self) -> MutexGuard<'_, RuntimeClients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, request: OutgoingRequest) -> Result<ReceivedResponse, TransportError> {
        let OutgoingRequest { method, url, headers, body, limit, .. } = request;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());

        let mut response = self.client().await?.execute(request).await.map_err(TransportError::from)?;
        let status = response.status().as_u16();
        let too_large = || TransportError::TooLarge { status, limit };
        let announced = usize::try_from(response.content_length().unwrap_or_default()).map_err(|_| too_large())?;
        if announced > limit {
            return Err(too_large());
        }
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(TransportError::from)? {
            if chunk.len() > limit - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(ReceivedResponse { status, headers, body: body.freeze() })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: OutgoingRequest) -> TransportFuture<'_> {
        Box::pin(self.exchange(request))
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        let not_sent = error.is_connect();
        // The URL of a proxy may have a password in it.
        let source = Box::new(error.without_url());
        match not_sent {
            true if cause::is_untrusted(&*source) => Self::Untrusted(source),
            true => Self::NotSent(source),
            false => Self::Lost(source),
        }
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotSent(source) => {
                Self::new(ErrorKind::Connect, "no connection to the endpoint").with_cause(source)
            }
            TransportError::Untrusted(source) => {
                Self::new(ErrorKind::Certificate, "the endpoint's certificate is not trusted").with_cause(source)
            }
            TransportError::Lost(source) => {
                Self::new(ErrorKind::Interrupted, "the connection was lost").with_cause(source)
            }
            TransportError::TooLarge { status, limit } => {
                let what = format!("the answer is larger than the client takes, {limit} bytes");
                Self::new(ErrorKind::TooLarge, what).with_status(status)
            }
            #[cfg(feature = "sigv4")]
            TransportError::Unsigned(source) => {
                Self::new(ErrorKind::Credentials, "the request cannot be signed for AWS IAM").with_source(source)
            }
        }
    }
}

impl fmt::Debug for ReceivedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedResponse")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The most HTTP clients that are kept: more than the runtimes that share one client at a time.
const MAX_RUNTIMES: usize = 8;
