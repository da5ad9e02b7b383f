//! One logical call: attempts, waits and one deadline around all of it.
//!
//! An attempt goes through `request → seal → transport → open → accept → receipt`, or without seal and open where sealing is
//! off. Each attempt builds its request anew from the same encoded
//! body and the same idempotency key, so that what is made per attempt (credentials, seals) is never sent twice.
//!
//! Invariant: a call ends by its deadline, whichever stage it is in.

mod outcome;

use std::sync::Arc;
use std::time::Duration;

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::keys::ANY;
use amaas_wire::oip::{HEADER_LENGTH, MEDIA_TYPE};
use amaas_wire::predict::{IDEMPOTENCY_KEY, REQUEST_ID};
use amaas_wire::receipt::SignedReceipt;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, debug, debug_span};

use self::outcome::Course;
pub(crate) use self::outcome::Outcome;

use crate::answer::Trace;
use crate::credentials::{Authorization, Credentials, Identity};
use crate::encode::Payload;
use crate::options::{CallOptions, Idempotency};
use crate::retry::{Cause, Mend, Repeat, Retry};
use crate::seal::{KeySource, Seal};
use crate::transport::{Outgoing, Received, Transport, TransportError};
use crate::{Error, ErrorKind, decode, random, receipt};

/// What every call of a client shares.
pub(crate) struct Caller {
    pub(crate) transport: Arc<dyn Transport>,
    /// `None` where sealing is off.
    pub(crate) seal: Option<Seal>,
    /// Who may sign receipts; `None` where nobody is pinned.
    pub(crate) signers: Option<Vec<VerifyingKey>>,
    pub(crate) credentials: Credentials,
    pub(crate) retry: Retry,
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_answer: usize,
}

/// A call that is encoded and may be sent, any number of times.
pub(crate) struct Call {
    method: Method,
    url: Url,
    keys: KeySource,
    body: Payload,
    accepts: Accepts,
    repeat: Repeat,
    idempotency_key: Option<HeaderValue>,
    request_id: String,
    timeout: Option<Duration>,
}

/// Which answers are an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    Success,
    /// Also an answer that states that something is not ready.
    Readiness,
}

/// An answer that was accepted, and how it came about.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) received: Received,
    pub(crate) trace: Trace,
}

/// An attempt that failed: the error, and why as far as a retry is concerned.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) error: Error,
}

impl Call {
    pub(crate) fn get(url: Url, keys: KeySource, options: &CallOptions) -> Result<Self, Error> {
        let request_id = request_id(options)?;
        Ok(Self {
            method: Method::GET,
            url,
            keys,
            body: Payload::default(),
            accepts: Accepts::Success,
            repeat: Repeat::Recognised,
            idempotency_key: None,
            request_id,
            timeout: options.timeout,
        })
    }

    pub(crate) fn post(url: Url, keys: KeySource, body: Payload, options: &CallOptions) -> Result<Self, Error> {
        let idempotency_key = match &options.idempotency {
            Idempotency::Fresh => Some(header("the idempotency key", &random::id()?)?),
            Idempotency::Key(key) => Some(header("the idempotency key", key)?),
            Idempotency::Off => None,
        };
        let repeat = if idempotency_key.is_some() { Repeat::Recognised } else { Repeat::Blind };
        Ok(Self { method: Method::POST, body, repeat, idempotency_key, ..Self::get(url, keys, options)? })
    }

    pub(crate) fn accepting(mut self, accepts: Accepts) -> Self {
        self.accepts = accepts;
        self
    }

    /// Sends the call, reads the answer, and tells of its end in a span of its own.
    pub(crate) async fn ask<T: Outcome>(
        self,
        caller: &Caller,
        read: impl FnOnce(Completed) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let span = outcome::span(&self);
        let told = span.clone();
        let answered = async {
            let answered = match self.send(caller).await {
                Ok(completed) => {
                    let course = completed.course();
                    read(completed).map(|answer| (answer, course))
                }
                Err(error) => Err(error),
            };
            outcome::tell(&told, answered.as_ref().map(|(answer, course)| (answer, *course)));
            answered
        };
        Ok(answered.instrument(span).await?.0)
    }

    /// The model that is called, if it is one.
    fn model(&self) -> Option<&str> {
        Some(self.keys.audience.model.as_str()).filter(|model| *model != ANY)
    }

    /// Sends the call until it is answered, may not be sent again, or its time is up.
    async fn send(self, caller: &Caller) -> Result<Completed, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::config("a call needs a tokio runtime: await it within one, such as #[tokio::main]"));
        }
        let started = Instant::now();
        let deadline = started + self.timeout.unwrap_or(caller.timeout).min(LONGEST);
        let (mut attempts, mut retries) = (0, 0);
        let mut mended = Vec::new();
        let mut identity = Identity::of(&caller.credentials);
        let mut paid = 0;
        let mut last = None;
        loop {
            attempts += 1;
            let attempt =
                self.attempt(caller, &mut identity).instrument(debug_span!("amaas.attempt", number = attempts));
            let Failure { mut cause, error } = match timeout_at(deadline, attempt).await {
                Ok(Ok((received, receipt))) => {
                    caller.retry.succeeded(paid);
                    return Ok(self.completed(received, receipt, attempts, started.elapsed()));
                }
                Ok(Err(failure)) => failure,
                Err(_) => return Err(self.ended(timed_out("the call", last), attempts, started)),
            };
            if is_refusal(&error) && !mended.contains(&Mend::Credentials) {
                match timeout_at(deadline, identity.renew()).await {
                    Ok(Ok(true)) => cause = Cause::Mended(Mend::Credentials),
                    Ok(Ok(false)) => {}
                    Ok(Err(error)) => return Err(self.ended(error, attempts, started)),
                    Err(_) => return Err(self.ended(timed_out("the call", Some(error)), attempts, started)),
                }
            }
            if let Cause::Mended(mend) = cause
                && !mended.contains(&mend)
            {
                debug!(%error, ?mend, "what was refused is put right, trying once more");
                mended.push(mend);
                last = Some(error);
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let again = caller.retry.again(cause, self.repeat, retries, error.retry_after(), left);
            let Some(again) = again else { return Err(self.ended(error, attempts, started)) };
            debug!(%error, wait = ?again.wait, "the attempt failed, trying again");
            retries += 1;
            paid = again.paid;
            last = Some(error);
            sleep(again.wait).await;
        }
    }

    async fn attempt(
        &self,
        caller: &Caller,
        identity: &mut Identity<'_>,
    ) -> Result<(Received, Option<SignedReceipt>), Failure> {
        let end = Instant::now() + caller.attempt_timeout.min(LONGEST);
        let late = |cause, what| move |_| Failure { cause, error: timed_out(what, None) };
        let held = match &caller.seal {
            None => None,
            Some(seal) => {
                let keys = timeout_at(end, seal.keys(&self.keys, &caller.transport)).await;
                // Keys first: until they are there, nothing of the call has gone out.
                Some(keys.map_err(late(Cause::NotSent, "the keys of the service"))??)
            }
        };
        let exchange = async {
            let authorization = identity.authorization().await.map_err(Failure::permanent)?;
            let request = self.request(authorization.as_ref(), caller.max_answer).map_err(Failure::permanent)?;
            let received = match &held {
                Some(held) => held.exchange(request, authorization.as_ref(), &*caller.transport).await?,
                None => caller.transport.send(request).await?,
            };
            let received = self.accept(received, authorization.as_ref())?;
            let receipt = self.receipt(&received, caller).await.map_err(Failure::permanent)?;
            Ok((received, receipt))
        };
        timeout_at(end, exchange).await.map_err(late(Cause::TimedOut, "the attempt"))?
    }

    fn request(&self, authorization: Option<&Authorization>, limit: usize) -> Result<Outgoing, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, JSON);
        headers.insert(REQUEST_ID, header("the request id", &self.request_id)?);
        if let Some(length) = self.body.header_length {
            headers.insert(CONTENT_TYPE, TENSORS);
            headers.insert(HEADER_LENGTH, length.into());
        } else if self.method == Method::POST {
            headers.insert(CONTENT_TYPE, JSON);
        }
        if let Some(key) = &self.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.header()?);
        }
        let (method, url, base) = (self.method.clone(), self.url.clone(), self.keys.base);
        Ok(Outgoing { method, url, base, headers, body: self.body.bytes.clone(), limit })
    }

    fn accept(&self, received: Received, sent: Option<&Authorization>) -> Result<Received, Failure> {
        debug!(status = received.status, bytes = received.body.len(), "answered");
        let stated = self.accepts == Accepts::Readiness && decode::readiness(&received).is_some();
        if received.is_success() || stated { Ok(received) } else { Err(decode::failure(&received, sent)) }
    }

    /// The receipt of an answer, which fits this call. Only what a model is asked to do has one.
    async fn receipt(&self, received: &Received, caller: &Caller) -> Result<Option<SignedReceipt>, Error> {
        if self.method != Method::POST {
            return Ok(None);
        }
        let (input, model) = (&self.body.bytes, &self.keys.audience.model);
        receipt::of(received, receipt::Expected { input, model, signers: caller.signers.as_deref() }).await
    }

    fn completed(
        self,
        received: Received,
        receipt: Option<SignedReceipt>,
        attempts: u32,
        elapsed: Duration,
    ) -> Completed {
        let request_id = decode::request_id(&received.headers).unwrap_or(self.request_id);
        Completed { received, trace: Trace { request_id, receipt, attempts, elapsed } }
    }

    fn ended(self, error: Error, attempts: u32, started: Instant) -> Error {
        error.or_request_id(Some(self.request_id)).after(attempts, started.elapsed())
    }
}

impl Completed {
    fn course(&self) -> Course {
        let Trace { attempts, elapsed, .. } = self.trace;
        Course { status: self.received.status, attempts, elapsed }
    }

    /// The error for an accepted answer that turned out to be something else.
    pub(crate) fn misread(&self, what: String) -> Error {
        Error::new(ErrorKind::Protocol, what)
            .with_status(self.received.status)
            .or_request_id(Some(self.trace.request_id.clone()))
            .after(self.trace.attempts, self.trace.elapsed)
    }
}

impl Failure {
    pub(crate) fn permanent(error: Error) -> Self {
        Self { cause: Cause::Permanent, error }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let cause = match error {
            TransportError::NotSent(_) => Cause::NotSent,
            TransportError::Lost(_) => Cause::Lost,
            TransportError::TooLarge { .. } | TransportError::Untrusted(_) => Cause::Permanent,
            #[cfg(feature = "sigv4")]
            TransportError::Unsigned(_) => Cause::Permanent,
        };
        Self { cause, error: error.into() }
    }
}

/// Whether the service itself refused the credentials; what stands outside the seal has not seen them.
fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::Unauthorized && !error.is_unsealed()
}

fn request_id(options: &CallOptions) -> Result<String, Error> {
    match &options.request_id {
        Some(id) => header("the request id", id).map(|_| id.clone()),
        None => random::id(),
    }
}

fn header(what: &str, text: &str) -> Result<HeaderValue, Error> {
    let error = || Error::invalid_input(format!("{what} is 1 to {LONGEST_ID} visible ASCII characters"));
    let visible = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    HeaderValue::from_str(text).ok().filter(|_| visible).ok_or_else(error)
}

/// `last` is what went wrong with the attempt before, where there was one.
fn timed_out(what: &str, last: Option<Error>) -> Error {
    let error = Error::new(ErrorKind::Timeout, format!("the time for {what} was up"));
    match last {
        Some(last) => error.with_source(last),
        None => error,
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TENSORS: HeaderValue = HeaderValue::from_static(MEDIA_TYPE);
const LONGEST_ID: usize = 255;
/// Longer than any call, and short enough to be added to any clock.
const LONGEST: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests;
