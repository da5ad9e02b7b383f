//! A call to a loaded model: run, answered, recorded, with a receipt.
//!
//! Each step consumes one type and returns the next: [`AuthorisedModel`](super::AuthorisedModel) →
//! [`AdmittedCall`](super::admitted::AdmittedCall) → [`ReceivedCall`](super::admitted::ReceivedCall) → [`ActiveCall`] →
//! [`AnsweredCall`]. A network runs only for a [`Charge`](amaas_model::task::Charge), and a response is sent only as an
//! [`AnsweredCall`].

use std::sync::{Arc, Mutex};
use std::time::Instant;

use amaas_access::now;
use amaas_access::quota::{RemainingLimit, Reservation};
use amaas_model::load::Model;
use amaas_model::task::{CallHost, Cost, ModelCall};
use amaas_wire::predict::Usage;
use amaas_wire::receipt::{MeteredUsage, RECEIPT, Receipt, ReceiptFormat};
use amaas_wire::{Digest, DigestHasher};
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::BodyExt;

use super::AnsweredCall;
use super::call_error::CallError;
use super::charges::{ActiveCallState, CallProgress, ChargeStage};
use super::context::{CallContext, CallId};
use crate::admission::Admission;
use crate::error::Error;
use crate::headers::{RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET};
use crate::limits::Limits;
use crate::reply::{BytesBody, Metering, ResponseUsage};

/// A call to a loaded model. If it is dropped before it is answered, the client has disconnected, and is charged for the work so far.
pub(crate) struct ActiveCall(Arc<ActiveCallState>);

impl ActiveCall {
    /// Begins a call. `content` is the size of its content, and the digest if a receipt is to be signed.
    pub(super) fn new(
        context: CallContext,
        model: Arc<Model>,
        id: Option<CallId>,
        admission: Admission,
        (bytes_in, input): (u64, Option<Digest>),
    ) -> Self {
        let progress = CallProgress {
            admission,
            id,
            reservation: Reservation::default(),
            charged: None,
            kept: None,
            stage: ChargeStage::Idle,
            refusal: None,
        };
        let (begun, progress) = (Instant::now(), Mutex::new(progress));
        Self(Arc::new(ActiveCallState {
            context,
            model,
            begun,
            bytes_in,
            input,
            progress,
            charging: tokio::sync::Mutex::default(),
        }))
    }

    /// The model.
    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.0.model
    }

    /// The limits of the host.
    pub(crate) fn limits(&self) -> Limits {
        self.0.context.state.limits()
    }

    /// When the call began.
    pub(crate) fn begun(&self) -> Instant {
        self.0.begun
    }

    /// The handle that tasks get.
    pub(crate) fn handle(&self) -> ModelCall {
        ModelCall::new(Arc::clone(&self.0) as Arc<dyn CallHost>, Arc::clone(self.0.model.networks()))
    }

    /// Answers the call: `run`, `write` the response, record the usage, and sign a receipt.
    ///
    /// # Errors
    /// If `run` or `write` fails. The caller is charged if a run failed because of its values.
    pub(crate) async fn answer<T, F, E>(
        self,
        run: impl FnOnce(ModelCall) -> F,
        write: impl FnOnce(&Model, T, Metering) -> Result<Response<Body>, Error> + Send + 'static,
    ) -> Result<AnsweredCall, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, E>>,
        E: Into<CallError>,
    {
        let (output, size) = self.run(run).await?;
        let (model, metering) = (Arc::clone(self.model()), self.metering());
        let response = self.write(size, move || write(&model, output, metering)).await?;
        self.finish(response).await
    }

    /// Runs the call, and returns the output with an estimate of its size as JSON.
    ///
    /// # Errors
    /// If `run` fails.
    pub(crate) async fn run<T, F, E>(&self, run: impl FnOnce(ModelCall) -> F) -> Result<(T, usize), Error>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<CallError>,
    {
        let handle = self.handle();
        let output = run(handle.clone()).await.map_err(|error| self.0.settle_error(error.into()))?;
        Ok((output, handle.output_size()))
    }

    /// Writes a response of about `size` bytes: in the tenant's CPU lane if it is large.
    ///
    /// # Errors
    /// If `work` fails.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let written = if size <= amaas_engine::cpu::MAX_INLINE_BYTES {
            work()
        } else {
            let lane = self.0.lock().admission.response_lane();
            lane.run(0, move |_| work()).await
        };
        written.map_err(|error| self.0.settle_error(error.into()))
    }

    /// The usage of the call so far.
    pub(crate) fn metering(&self) -> Metering {
        let Cost { rows, tokens } = match &self.0.lock().stage {
            ChargeStage::Charged(usage) => usage.now(),
            ChargeStage::Idle | ChargeStage::Preparing => Cost::rows(0),
        };
        Metering { rows, tokens, begun: self.0.begun }
    }

    /// Records the usage that `response` carries, and adds a receipt.
    async fn finish(self, response: Response<Body>) -> Result<AnsweredCall, Error> {
        let (mut parts, mut body) = response.into_parts();
        let Some(ResponseUsage { usage, bytes }) = parts.extensions.remove() else {
            return Err(Error::internal("a response without usage"));
        };
        self.count(usage, bytes, &mut parts.headers);
        if self.0.input.is_some() {
            let mut pieces = Vec::new();
            // All frames are in memory, so this does not wait.
            while let Some(Ok(frame)) = body.frame().await {
                pieces.extend(frame.into_data());
            }
            let size = usize::try_from(bytes).unwrap_or(usize::MAX);
            let hash = move || {
                let mut hasher = DigestHasher::default();
                for piece in &pieces {
                    hasher.update(piece);
                }
                Ok::<_, Error>((pieces, hasher.finish()))
            };
            let (pieces, output) = if size <= MAX_INLINE_HASH_BYTES {
                hash()?
            } else {
                let lane = self.0.lock().admission.response_lane();
                lane.run(0, move |_| hash()).await?
            };
            body = Body::new(pieces.into_iter().collect::<BytesBody>());
            if let Some(receipt) = self.receipt(usage, output).await
                && let Ok(receipt) = HeaderValue::from_str(&receipt)
            {
                parts.headers.insert(HeaderName::from_static(RECEIPT), receipt);
            }
        }
        Ok(AnsweredCall::new(Response::from_parts(parts, body)))
    }

    /// The signed receipt of a response with the digest `output`; `None` if it cannot be signed at the moment.
    pub(crate) async fn receipt(&self, usage: Usage, output: Digest) -> Option<String> {
        let CallContext { state, caller, request_id, .. } = &self.0.context;
        let (sealing, input, model) = (state.sealing()?, self.0.input?, self.model());
        let unit = if usage.tokens.is_some() { "tokens" } else { "rows" };
        let receipt = Receipt {
            format: ReceiptFormat::One,
            request_id: request_id.to_str().unwrap_or("none").to_owned(),
            time: now(),
            tenant: caller.tenant().to_string(),
            model: model.name().to_string(),
            version: model.version().to_string(),
            digest: model.digest(),
            usage: MeteredUsage { usage, units: usage.units(), unit: unit.to_owned() },
            input,
            output,
        };
        sealing.receipt(&receipt).await.unwrap_or_else(|error| {
            tracing::warn!(error = error.internal_text(), "response sent without a receipt");
            None
        })
    }

    /// Records the call as `usage`, and writes the remaining limits into `headers`.
    pub(crate) fn count(&self, usage: Usage, bytes_out: u64, headers: &mut HeaderMap) {
        self.record(usage, bytes_out);
        self.write_limit_headers(headers);
    }

    /// Records the call as `usage`, which may have fewer units than were charged.
    pub(crate) fn record(&self, usage: Usage, bytes_out: u64) {
        self.0.record(&mut self.0.lock(), usage, bytes_out);
    }

    /// Stores no response for repeats: each repeat runs again, with a usage record of its own.
    pub(crate) fn disable_replay(&self) {
        self.0.lock().id = None;
    }

    /// Writes the headers of the limit with the smallest remaining share.
    pub(crate) fn write_limit_headers(&self, headers: &mut HeaderMap) {
        let plan = &self.0.context.plan;
        let all = plan.requests.iter().chain(&plan.units).map(|limit| limit.remaining());
        let share = |left: &RemainingLimit| left.remaining.saturating_mul(1 << 20) / left.most.max(1);
        let Some(nearest) = all.min_by_key(share) else { return };
        let seconds = nearest.reset.as_secs() + u64::from(nearest.reset.subsec_nanos() > 0);
        for (name, value) in
            [(RATELIMIT_LIMIT, nearest.most), (RATELIMIT_REMAINING, nearest.remaining), (RATELIMIT_RESET, seconds)]
        {
            headers.insert(HeaderName::from_static(name), value.into());
        }
    }

    /// Answers with a stream, which takes the call and records it at its end.
    pub(crate) fn stream(self, response: impl FnOnce(Self) -> Response<Body>) -> AnsweredCall {
        AnsweredCall::new(response(self))
    }
}

/// Content up to this size is hashed within 500 µs, at 0.6 ms per MiB.
pub(super) const MAX_INLINE_HASH_BYTES: usize = 512 << 10;
