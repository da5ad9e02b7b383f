//! A call before it is answered: its attempts and its deadline.

use std::time::Duration;

use amaas_wire::keys::ANY;
use amaas_wire::oip::{HEADER_LENGTH, MEDIA_TYPE};
use amaas_wire::predict::{IDEMPOTENCY_KEY, REQUEST_ID};
use amaas_wire::receipt::SignedReceipt;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, debug, debug_span};

use super::context::CallContext;
use super::outcome_span::{self, CallCourse, CallOutcome};
use crate::answer::CallTrace;
use crate::completed::CompletedCall;
use crate::credentials::{Authorization, CallIdentity};
use crate::encode::EncodedPayload;
use crate::error::{Error, ErrorKind};
use crate::failure::AttemptFailure;
use crate::options::{CallOptions, IdempotencyMode};
use crate::retry::{FailureCause, Recovery, Replayability};
use crate::seal::KeySource;
use crate::transport::{OutgoingRequest, ReceivedResponse};
use crate::{decode, random, receipt};

/// An encoded call, which can be sent any number of times.
pub(crate) struct Call {
    method: Method,
    url: Url,
    keys: KeySource,
    body: EncodedPayload,
    accepts: AcceptedAnswers,
    repeat: Replayability,
    idempotency_key: Option<HeaderValue>,
    request_id: String,
    timeout: Option<Duration>,
}

/// The answers that count as success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptedAnswers {
    Success,
    /// Also an answer that states that a model is not ready.
    Readiness,
}

impl Call {
    pub(crate) fn get(url: Url, keys: KeySource, options: &CallOptions) -> Result<Self, Error> {
        let request_id = request_id(options)?;
        Ok(Self {
            method: Method::GET,
            url,
            keys,
            body: EncodedPayload::default(),
            accepts: AcceptedAnswers::Success,
            repeat: Replayability::Idempotent,
            idempotency_key: None,
            request_id,
            timeout: options.timeout,
        })
    }

    pub(crate) fn post(url: Url, keys: KeySource, body: EncodedPayload, options: &CallOptions) -> Result<Self, Error> {
        let idempotency_key = match &options.idempotency {
            IdempotencyMode::Fresh => Some(header("the idempotency key", &random::id()?)?),
            IdempotencyMode::Key(key) => Some(header("the idempotency key", key)?),
            IdempotencyMode::Off => None,
        };
        let repeat = if idempotency_key.is_some() { Replayability::Idempotent } else { Replayability::NotIdempotent };
        Ok(Self { method: Method::POST, body, repeat, idempotency_key, ..Self::get(url, keys, options)? })
    }

    pub(crate) fn accepting(mut self, accepts: AcceptedAnswers) -> Self {
        self.accepts = accepts;
        self
    }

    /// Sends the call and reads the answer, in a span that records the outcome.
    pub(crate) async fn ask<T: CallOutcome>(
        self,
        context: &CallContext,
        read: impl FnOnce(CompletedCall) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let span = outcome_span::start(&self.method, &self.url, self.model(), &self.request_id);
        let recorded = span.clone();
        let answered = async {
            let answered = match self.send(context).await {
                Ok(completed) => {
                    let course = CallCourse::of(&completed);
                    read(completed).map(|answer| (answer, course))
                }
                Err(error) => Err(error),
            };
            outcome_span::record(&recorded, answered.as_ref().map(|(answer, course)| (answer, *course)));
            answered
        };
        Ok(answered.instrument(span).await?.0)
    }

    /// The model, if the call names one.
    fn model(&self) -> Option<&str> {
        Some(self.keys.audience.model.as_str()).filter(|model| *model != ANY)
    }

    /// Sends the call until it is answered, must not be sent again, or has timed out.
    pub(super) async fn send(self, context: &CallContext) -> Result<CompletedCall, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::config("a call needs a tokio runtime: await it within one, such as #[tokio::main]"));
        }
        let started = Instant::now();
        let deadline = started + self.timeout.unwrap_or(context.timeout).min(MAX_CALL_TIME);
        let (mut attempts, mut retries) = (0, 0);
        let mut recoveries = Vec::new();
        let mut identity = CallIdentity::of(&context.credentials);
        let mut paid = 0;
        let mut last = None;
        loop {
            attempts += 1;
            let attempt =
                self.attempt(context, &mut identity).instrument(debug_span!("amaas.attempt", number = attempts));
            let AttemptFailure { mut cause, error } = match timeout_at(deadline, attempt).await {
                Ok(Ok((received, receipt))) => {
                    context.retry.succeeded(paid);
                    return Ok(self.completed(received, receipt, attempts, started.elapsed()));
                }
                Ok(Err(failure)) => failure,
                Err(_) => return Err(self.ended(timed_out("the call", last), attempts, started)),
            };
            if is_refusal(&error) && !recoveries.contains(&Recovery::Credentials) {
                match timeout_at(deadline, identity.renew()).await {
                    Ok(Ok(true)) => cause = FailureCause::Recovered(Recovery::Credentials),
                    Ok(Ok(false)) => {}
                    Ok(Err(error)) => return Err(self.ended(error, attempts, started)),
                    Err(_) => return Err(self.ended(timed_out("the call", Some(error)), attempts, started)),
                }
            }
            if let FailureCause::Recovered(recovery) = cause
                && !recoveries.contains(&recovery)
            {
                debug!(%error, ?recovery, "recovered from refusal, sending again");
                recoveries.push(recovery);
                last = Some(error);
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let decision = context.retry.decide(cause, self.repeat, retries, error.retry_after(), left);
            let Some(decision) = decision else { return Err(self.ended(error, attempts, started)) };
            debug!(%error, wait = ?decision.wait, "attempt failed, retrying");
            retries += 1;
            paid = decision.paid;
            last = Some(error);
            sleep(decision.wait).await;
        }
    }

    async fn attempt(
        &self,
        context: &CallContext,
        identity: &mut CallIdentity<'_>,
    ) -> Result<(ReceivedResponse, Option<SignedReceipt>), AttemptFailure> {
        let end = Instant::now() + context.attempt_timeout.min(MAX_CALL_TIME);
        let late = |cause, what| move |_| AttemptFailure { cause, error: timed_out(what, None) };
        let keys = match &context.seal {
            None => None,
            Some(seal) => {
                let keys = timeout_at(end, seal.keys(&self.keys, &context.transport)).await;
                // Nothing of the call is sent before the keys are there.
                Some(keys.map_err(late(FailureCause::NotSent, "the keys of the service"))??)
            }
        };
        let exchange = async {
            let authorization = identity.authorization().await.map_err(AttemptFailure::permanent)?;
            let request =
                self.request(authorization.as_ref(), context.max_answer).map_err(AttemptFailure::permanent)?;
            let received = match &keys {
                Some(keys) => keys.exchange(request, authorization.as_ref(), &*context.transport).await?,
                None => context.transport.send(request).await?,
            };
            let received = self.accept(received, authorization.as_ref())?;
            let receipt = self.receipt(&received, context).await.map_err(AttemptFailure::permanent)?;
            Ok((received, receipt))
        };
        timeout_at(end, exchange).await.map_err(late(FailureCause::TimedOut, "the attempt"))?
    }

    fn request(&self, authorization: Option<&Authorization>, limit: usize) -> Result<OutgoingRequest, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, JSON_MEDIA_TYPE);
        headers.insert(REQUEST_ID, header("the request id", &self.request_id)?);
        if let Some(length) = self.body.header_length {
            headers.insert(CONTENT_TYPE, TENSOR_MEDIA_TYPE);
            headers.insert(HEADER_LENGTH, length.into());
        } else if self.method == Method::POST {
            headers.insert(CONTENT_TYPE, JSON_MEDIA_TYPE);
        }
        if let Some(key) = &self.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.header()?);
        }
        let (method, url, base) = (self.method.clone(), self.url.clone(), self.keys.base);
        Ok(OutgoingRequest { method, url, base, headers, body: self.body.bytes.clone(), limit })
    }

    fn accept(
        &self,
        received: ReceivedResponse,
        sent: Option<&Authorization>,
    ) -> Result<ReceivedResponse, AttemptFailure> {
        debug!(status = received.status, bytes = received.body.len(), "response received");
        let stated = self.accepts == AcceptedAnswers::Readiness && decode::readiness(&received).is_some();
        if received.is_success() || stated { Ok(received) } else { Err(decode::failure(&received, sent)) }
    }

    /// The receipt of an answer, checked against this call. Only `POST` calls have one.
    async fn receipt(
        &self,
        received: &ReceivedResponse,
        context: &CallContext,
    ) -> Result<Option<SignedReceipt>, Error> {
        if self.method != Method::POST {
            return Ok(None);
        }
        let (input, model) = (&self.body.bytes, &self.keys.audience.model);
        receipt::of(received, receipt::ExpectedReceipt { input, model, signers: context.signers.as_deref() }).await
    }

    fn completed(
        self,
        received: ReceivedResponse,
        receipt: Option<SignedReceipt>,
        attempts: u32,
        elapsed: Duration,
    ) -> CompletedCall {
        let request_id = decode::request_id(&received.headers).unwrap_or(self.request_id);
        CompletedCall { received, trace: CallTrace { request_id, receipt, attempts, elapsed } }
    }

    fn ended(self, error: Error, attempts: u32, started: Instant) -> Error {
        error.or_request_id(Some(self.request_id)).after(attempts, started.elapsed())
    }
}

/// Whether the service itself refused the credentials. A gateway outside the seal has not seen them.
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
    let error = || Error::invalid_input(format!("{what} is 1 to {MAX_ID_LEN} visible ASCII characters"));
    let visible = (1..=MAX_ID_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    HeaderValue::from_str(text).ok().filter(|_| visible).ok_or_else(error)
}

/// The time-out error; `last` is the error of the attempt before, if there was one.
fn timed_out(what: &str, last: Option<Error>) -> Error {
    let error = Error::new(ErrorKind::Timeout, format!("the time for {what} was up"));
    match last {
        Some(last) => error.with_source(last),
        None => error,
    }
}

const JSON_MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/json");
const TENSOR_MEDIA_TYPE: HeaderValue = HeaderValue::from_static(MEDIA_TYPE);
const MAX_ID_LEN: usize = 255;
/// The longest call. It is short enough to be added to any clock.
const MAX_CALL_TIME: Duration = Duration::from_hours(365 * 24);
