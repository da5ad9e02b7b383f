//! An admitted call to a model: it takes from the caller's limits before it runs, and becomes a usage record when it is answered.
//!
//! Each step consumes one type and returns the next: [`AuthorisedModel`](super::AuthorisedModel) → [`AdmittedCall`] →
//! [`ReceivedCall`] → [`ActiveCall`] → [`AnsweredCall`]. A network runs only for a [`Charge`](amaas_model::task::Charge), and a
//! response is sent only as an [`AnsweredCall`].
//!
//! Limits are charged before anything runs: one request at the start, then the units and their cost once they are known. A call without an
//! answer takes no units and costs nothing, with two exceptions, so that no client gets work for free. A client that disconnects is
//! charged for the work until then. A client whose values the network refused is charged for the run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use amaas_access::meter::UsageRecord;
use amaas_access::quota::{LeasedLimit, LimitKind, LimitPlan, RemainingLimit, Reservation};
use amaas_access::{Price, now};
use amaas_model::load::{Model, ModelSlot};
use amaas_model::task::{CallHost, ComputeJob, Cost, CpuWork, ModelCall, PredictError, UsageSoFar};
use amaas_model::{InputError, ModelError};
use amaas_wire::predict::Usage;
use amaas_wire::receipt::{MeteredUsage, RECEIPT, Receipt, ReceiptFormat};
use amaas_wire::{Digest, DigestHasher};
use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::BodyExt;

use super::{AnsweredCall, Caller};
use crate::admission::Admission;
use crate::error::Error;
use crate::headers::{RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET};
use crate::limits::Limits;
use crate::reply::{BytesBody, Metering, ResponseUsage};
use crate::response_store::MAX_STORED_RESPONSE_BYTES;
use crate::state::AppState;

/// The context of a call, known before its content is read.
pub(crate) struct CallContext {
    pub(crate) state: AppState,
    pub(crate) caller: Caller,
    pub(crate) plan: Arc<LimitPlan>,
    pub(crate) max_cost: Option<Arc<LeasedLimit>>,
    pub(crate) price: Price,
    pub(crate) sealed: bool,
    pub(crate) request_id: HeaderValue,
}

/// Identifies a call with an idempotency key: a digest of the tenant, the key and the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallId(pub(crate) [u8; 32]);

/// An admitted call whose content has not arrived.
pub(crate) struct AdmittedCall {
    context: CallContext,
    slot: Arc<ModelSlot>,
    id: Option<CallId>,
    admission: Admission,
}

/// A call whose content has arrived.
pub(crate) struct ReceivedCall {
    admitted: AdmittedCall,
    bytes_in: u64,
    /// The digest of the content, if a receipt is to be signed.
    input: Option<Digest>,
}

impl AdmittedCall {
    pub(super) fn new(context: CallContext, slot: Arc<ModelSlot>, id: Option<CallId>, admission: Admission) -> Self {
        Self { context, slot, id, admission }
    }

    /// Reads the body of the call.
    ///
    /// # Errors
    /// If the body does not arrive, is too large, or cannot be expanded.
    pub(crate) async fn receive(mut self, parts: &Parts, body: Body) -> Result<(ReceivedCall, Bytes), Error> {
        let content = self.admission.read(&parts.headers, body, self.context.state.limits().body_bytes).await?;
        Ok((self.with_content(&content).await?, content))
    }

    /// Continues with `content`, if it was already read to find the model.
    ///
    /// # Errors
    /// If admission refuses the computation of its digest.
    pub(crate) async fn with_content(mut self, content: &Bytes) -> Result<ReceivedCall, Error> {
        let mut input = None;
        if self.context.state.sealing().is_some() {
            let hashed = content.clone();
            let digest = self.admission.run(MAX_INLINE_HASH_BYTES, content.len(), move |_| Ok(Digest::of(&hashed)));
            input = Some(digest.await?);
        }
        Ok(ReceivedCall { admitted: self, bytes_in: content.len() as u64, input })
    }

    /// Continues with a message of `bytes` bytes, for which no receipt is signed.
    pub(crate) fn with_message(self, bytes: usize) -> ReceivedCall {
        ReceivedCall { admitted: self, bytes_in: bytes as u64, input: None }
    }
}

impl ReceivedCall {
    /// Begins the call to the version `version` of its model, which may still be loading.
    ///
    /// # Errors
    /// If the model is not ready, or has another version.
    pub(crate) async fn start(self, version: Option<&str>) -> Result<ActiveCall, Error> {
        let Self { admitted: AdmittedCall { context, slot, id, admission }, bytes_in, input } = self;
        let model = context.state.model(&slot, version).await?;
        let progress = CallProgress {
            admission,
            id,
            reservation: Reservation::default(),
            charged: None,
            stage: ChargeStage::Idle,
            refusal: None,
        };
        let (begun, progress) = (Instant::now(), Mutex::new(progress));
        Ok(ActiveCall(Arc::new(ActiveCallState { context, model, begun, bytes_in, input, progress })))
    }
}

/// A call to a loaded model. If it is dropped before it is answered, the client has disconnected, and is charged for the work so far.
pub(crate) struct ActiveCall(Arc<ActiveCallState>);

struct ActiveCallState {
    context: CallContext,
    model: Arc<Model>,
    begun: Instant,
    bytes_in: u64,
    input: Option<Digest>,
    progress: Mutex<CallProgress>,
}

/// The mutable state of a call.
struct CallProgress {
    admission: Admission,
    /// Set if the response is stored under an idempotency key.
    id: Option<CallId>,
    reservation: Reservation,
    charged: Option<Cost>,
    stage: ChargeStage,
    /// Why the host refused work or a charge.
    refusal: Option<Error>,
}

/// The charge if the client disconnects now.
enum ChargeStage {
    /// Nothing.
    Idle,
    /// The CPU work that was done; no limit was charged for it yet.
    Preparing,
    /// The run; the limits were charged for it.
    Charged(UsageSoFar),
}

impl ActiveCall {
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

    /// A streamed response, which records the call itself at its end.
    pub(crate) fn streamed(response: Response<Body>) -> AnsweredCall {
        AnsweredCall::new(response)
    }
}

impl ActiveCallState {
    fn lock(&self) -> MutexGuard<'_, CallProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a failed call. The caller is charged for the run if its values are at fault, and not if this process is.
    fn settle_error(&self, error: CallError) -> Error {
        let mut progress = self.lock();
        let error = match error {
            CallError::Refused => {
                progress.refusal.take().unwrap_or_else(|| Error::internal("refused without a reason"))
            }
            CallError::Known(error) => error,
        };
        match std::mem::replace(&mut progress.stage, ChargeStage::Idle) {
            ChargeStage::Charged(usage) if error.is_run_error() => {
                progress.id = None;
                let Cost { rows, tokens } = usage.now();
                self.record(&mut progress, Metering { rows, tokens, begun: self.begun }.usage(), 0);
            }
            _ => progress.reservation = Reservation::default(),
        }
        error
    }

    fn record(&self, progress: &mut CallProgress, usage: Usage, bytes_out: u64) {
        let CallContext { state, caller, price, sealed, request_id, .. } = &self.context;
        progress.stage = ChargeStage::Idle;
        if bytes_out > MAX_STORED_RESPONSE_BYTES {
            progress.id = None;
        }
        let units = usage.units();
        let cost = price.of(units);
        progress.reservation.settle(LimitKind::Units, units);
        progress.reservation.settle(LimitKind::Budget, cost.nanos());
        progress.reservation.settle(LimitKind::MaxCost, cost.nanos());
        progress.reservation.keep();
        let meter = state.meter();
        let (name, version) = (self.model.name().as_str(), self.model.version().as_str());
        let init = if meter.is_first(name, version) { self.model.times().total.as_millis() } else { 0 };
        meter.keep(UsageRecord {
            id: progress.id.map_or_else(random_id, |CallId(id)| amaas_wire::hex::encode(&id[..16])),
            repeatable: progress.id.is_some(),
            time: meter.now(),
            tenant: caller.tenant().clone(),
            key: caller.key().map(|key| key.id.clone()),
            model: name.to_owned(),
            version: version.to_owned(),
            route: caller.routes(),
            rows: usage.rows,
            tokens: usage.tokens,
            billed_ms: usage.billed_ms,
            init_ms: u64::try_from(init).unwrap_or(u64::MAX),
            bytes_in: self.bytes_in,
            bytes_out,
            sealed: *sealed,
            cost,
            request: request_id.to_str().unwrap_or("none").to_owned(),
        });
    }

    /// Takes the units and the cost of `total` beyond `charged`. The first charge includes the price of the call itself.
    async fn take_limits(&self, charged: Option<Cost>, total: Cost) -> Result<Reservation, Error> {
        let CallContext { plan, max_cost, price, .. } = &self.context;
        let (before, after) = (charged.map_or(0, units), units(total));
        let spent = charged.map_or(0, |charged| price.of(units(charged)).nanos());
        let (more, cost) = (after - before, price.of(after).nanos().saturating_sub(spent));
        let mut reservation = Reservation::default();
        reservation.take(&plan.units, more).await?;
        reservation.take(&plan.costs, cost).await?;
        reservation.take(max_cost.as_slice(), cost).await?;
        Ok(reservation)
    }
}

#[async_trait]
impl CallHost for ActiveCallState {
    fn tenant(&self) -> Option<&str> {
        Some(self.context.caller.tenant().as_str())
    }

    fn max_rows(&self) -> usize {
        self.context.state.limits().rows
    }

    fn input_size(&self) -> usize {
        usize::try_from(self.bytes_in).unwrap_or(usize::MAX)
    }

    async fn compute(&self, work: CpuWork, job: ComputeJob) -> Result<(), PredictError> {
        let lane = {
            let mut progress = self.lock();
            if let ChargeStage::Charged(_) = progress.stage {
                Ok(progress.admission.response_lane())
            } else {
                progress.stage = ChargeStage::Preparing;
                progress.admission.preparation_lane(work.size)
            }
        };
        match lane {
            Ok(lane) => lane.run(work.memory, job).await,
            Err(error) => Err(self.refuse(error)),
        }
    }

    async fn charge(&self, cost: Cost) -> Result<(), PredictError> {
        let (charged, total) = {
            let mut progress = self.lock();
            progress.admission.release_permit();
            if let ChargeStage::Idle = progress.stage {
                progress.stage = ChargeStage::Preparing;
            }
            let charged = progress.charged;
            (charged, charged.map_or(cost, |charged| sum(charged, cost)))
        };
        match self.take_limits(charged, total).await {
            Ok(reservation) => {
                let mut progress = self.lock();
                progress.reservation.extend(reservation);
                progress.charged = Some(total);
                progress.stage = ChargeStage::Charged(total.into());
                Ok(())
            }
            Err(error) => Err(self.refuse(error)),
        }
    }

    fn set_usage(&self, usage: UsageSoFar) {
        let mut progress = self.lock();
        if let ChargeStage::Charged(_) = progress.stage {
            progress.stage = ChargeStage::Charged(usage);
        }
    }
}

impl ActiveCallState {
    fn refuse(&self, error: Error) -> PredictError {
        self.lock().refusal = Some(error);
        PredictError::Refused
    }
}

impl Drop for ActiveCallState {
    /// Charges a disconnected client for the work so far.
    fn drop(&mut self) {
        let mut progress = self.lock();
        let usage = match std::mem::replace(&mut progress.stage, ChargeStage::Idle) {
            ChargeStage::Idle => return,
            ChargeStage::Charged(usage) => usage.now(),
            ChargeStage::Preparing => {
                let Some(done) = progress.admission.progress().done() else { return };
                // No limit was charged for this work, or not for all of it.
                progress.reservation = Reservation::default();
                let CallContext { plan, max_cost, price, .. } = &self.context;
                let (plan, max_cost, cost) = (Arc::clone(plan), max_cost.clone(), price.of(done));
                let take = async move {
                    let mut reservation = Reservation::default();
                    let units = reservation.take(&plan.units, done).await;
                    let costs = reservation.take(&plan.costs, cost.nanos()).await;
                    let key_costs = reservation.take(max_cost.as_slice(), cost.nanos()).await;
                    reservation.keep();
                    if let Err(error) = units.and(costs).and(key_costs) {
                        tracing::debug!(%error, "cpu work of a disconnected client exceeds a limit");
                    }
                };
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(take);
                }
                let rows = usize::try_from(done).unwrap_or(usize::MAX);
                if self.model.counts_tokens() { Cost::tokens(1, done) } else { Cost::rows(rows) }
            }
        };
        // There is no response to store, so a repeat runs and gets another record.
        progress.id = None;
        let Cost { rows, tokens } = usage;
        self.record(&mut progress, Metering { rows, tokens, begun: self.begun }.usage(), 0);
    }
}

/// Why a call failed: the host's own refusal, or anything else.
pub(crate) enum CallError {
    /// The host refused; it has the error.
    Refused,
    /// Any other error.
    Known(Error),
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl From<InputError> for CallError {
    fn from(error: InputError) -> Self {
        Self::Known(error.into())
    }
}

impl From<ModelError> for CallError {
    fn from(error: ModelError) -> Self {
        Self::Known(error.into())
    }
}

impl From<PredictError> for CallError {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Refused => Self::Refused,
            PredictError::Input(error) => Self::Known(error.into()),
            PredictError::Run(error) => Self::Known(error.into()),
            error => Self::Known(Error::internal(error.to_string())),
        }
    }
}

/// The units of a charge, as [`Usage::units`] counts them.
fn units(Cost { rows, tokens }: Cost) -> u64 {
    let usage = Usage::new(rows as u64, 0);
    tokens.map_or(usage, |tokens| usage.with_tokens(tokens)).units()
}

fn sum(one: Cost, other: Cost) -> Cost {
    let tokens = match (one.tokens, other.tokens) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or_default().saturating_add(other.unwrap_or_default())),
    };
    Cost { rows: one.rows.saturating_add(other.rows), tokens }
}

/// Content up to this size is hashed within 500 µs, at 0.6 ms per MiB.
const MAX_INLINE_HASH_BYTES: usize = 512 << 10;

fn random_id() -> String {
    let mut id = [0; 16];
    // Without randomness, two calls can share a record.
    if getrandom::fill(&mut id).is_err() {
        tracing::error!("operating system randomness unavailable: usage records may collide");
    }
    amaas_wire::hex::encode(&id)
}
