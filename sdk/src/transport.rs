//! Bytes to an endpoint, and the answer's bytes back: one attempt, nothing decided.
//!
//! Invariant: redirects are not followed, nothing is retried here, and no more than the limit is read. (hyper takes a new
//! connection where a pooled one turns out to be closed before anything was written to it; that is no second sending.)

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use crate::{BoxError, Error, ErrorKind};

/// One HTTP request. It has no `Debug`: the body is payload.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// How much of the path is the endpoint's own; inside a seal it is left out.
    pub(crate) base: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The largest answer that is read, in bytes.
    pub(crate) limit: usize,
}

/// One HTTP answer, whole.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum TransportError {
    /// No connection: nothing went out.
    NotSent(BoxError),
    /// The connection ended early.
    Lost(BoxError),
    /// The answer is larger than the limit.
    TooLarge { status: u16, limit: usize },
    /// There is nothing to sign it with, so it was not sent.
    #[cfg(feature = "sigv4")]
    Unsigned(BoxError),
}

/// What carries requests: HTTP, or a script in a test.
pub(crate) trait Transport: Send + Sync {
    fn send(&self, request: Outgoing) -> TransportFuture<'_>;
}

pub(crate) type TransportFuture<'a> = Pin<Box<dyn Future<Output = Result<Received, TransportError>> + Send + 'a>>;

/// HTTP/1.1 and HTTP/2 over rustls.
pub(crate) struct Http {
    client: reqwest::Client,
}

pub(crate) struct HttpConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) user_agent: String,
    pub(crate) proxy: Proxy,
}

/// Whether proxies of the environment are used. A proxy would read plain `http`, and cannot reach this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Environment,
    Off,
}

impl Http {
    pub(crate) fn new(config: HttpConfig) -> Result<Self, Error> {
        let builder = reqwest::Client::builder()
            .user_agent(config.user_agent)
            .connect_timeout(config.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        let builder = if config.proxy == Proxy::Off { builder.no_proxy() } else { builder };
        let client =
            builder.build().map_err(|source| Error::config("no HTTP client can be made").with_source(source))?;
        Ok(Self { client })
    }

    async fn exchange(&self, request: Outgoing) -> Result<Received, TransportError> {
        let Outgoing { method, url, headers, body, limit, .. } = request;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());

        let mut response = self.client.execute(request).await.map_err(TransportError::from)?;
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
        Ok(Received { status, headers, body: body.freeze() })
    }
}

impl Transport for Http {
    fn send(&self, request: Outgoing) -> TransportFuture<'_> {
        Box::pin(self.exchange(request))
    }
}

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        let not_sent = error.is_connect();
        let source = Box::new(error.without_url());
        if not_sent { Self::NotSent(source) } else { Self::Lost(source) }
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotSent(source) => {
                Self::new(ErrorKind::Connect, "no connection to the endpoint").with_source(source)
            }
            TransportError::Lost(source) => {
                Self::new(ErrorKind::Interrupted, "the connection was lost").with_source(source)
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

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
