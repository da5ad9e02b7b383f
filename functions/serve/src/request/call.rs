//! A call to a model that was let in: what it takes of its caller's limits, and what it is counted as when it is answered.
//!
//! Limits are taken from before anything runs: a request when the call comes, and its units and what they cost once they are known. What
//! is not answered takes no units and costs nothing, with two exceptions, or work could be had for nothing: a caller who goes away is
//! charged for what was done until then, and one whose values the network refused for the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use amaas_wire::predict::{REQUEST_ID, Usage};
use amaas_wire::receipt::{self, MeteredUsage, RECEIPT, Receipt};
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::BodyExt;

use super::Caller;
use crate::admission::Admission;
use crate::error::Error;
use crate::headers::{LIMIT, REMAINING, RESET};
use crate::limits::Limits;
use crate::reply::{Counted, Pieces, Written};
use crate::response_store::LARGEST;
use crate::sealing::CameSealed;
use crate::state::Host;
use amaas_access::meter::UsageRecord;
use amaas_access::quota::{LeasedLimit, LimitKind, LimitPlan, Reservation};
use amaas_access::{Money, Price, TenantName, now};
use amaas_engine::cpu::{QUICK, Working};
use amaas_model::load::{Model, Slot};
use amaas_model::task::AnyTask;
use amaas_wire::{Digest, DigestHasher};

/// A call to a model.
pub(crate) struct Call {
    host: Host,
    caller: Caller,
    plan: Arc<LimitPlan>,
    max_cost: Option<Arc<LeasedLimit>>,
    price: Price,
    taken: Reservation,
    cost: Money,
    id: Option<CallId>,
    sealed: bool,
    request: HeaderValue,
    bytes_in: u64,
    /// Of the request's content, where a receipt is to be signed.
    input: Option<Digest>,
    admission: Admission,
    /// What its caller is charged for who goes away now.
    under_way: Option<UnderWay>,
}

/// What a call is at.
struct UnderWay {
    model: Arc<Model>,
    begun: Instant,
    work: Work,
}

enum Work {
    /// Its tensors or tokens are made, and nothing is charged yet.
    Preparing,
    /// The network runs.
    Running(Running),
}

/// What is run for a call.
pub(crate) struct Running {
    pub(crate) rows: usize,
    /// Those that are known before.
    pub(crate) tokens: Option<u64>,
    /// Those that are made meanwhile.
    pub(crate) made: Vec<Arc<AtomicUsize>>,
}

impl Running {
    pub(crate) fn new(rows: usize, tokens: Option<u64>) -> Self {
        Self { rows, tokens, made: Vec::new() }
    }

    fn counted(&self, begun: Instant) -> Counted {
        let made: usize = self.made.iter().map(|made| made.load(Ordering::Relaxed)).sum();
        Counted { rows: self.rows, tokens: self.tokens.map(|tokens| tokens + made as u64), begun }
    }
}

/// Names a call with an idempotency key: a digest of tenant and key, and of what the call is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallId(pub(crate) [u8; 32]);

impl Call {
    /// Lets a call of `caller` to the model in `slot` in, where it may use that, the function does not stop, and no limit of its
    /// requests is reached.
    pub(crate) async fn enter(
        host: &Host,
        caller: Caller,
        slot: &Slot,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Self, Error> {
        caller.scope(slot.name())?;
        let caller = caller.admitted(host)?;
        Host::room(slot)?;
        let plan = caller.account().plan(host.quotas(), slot.name());
        let max_cost = caller.key().and_then(|key| LimitPlan::of_key(host.quotas(), key));
        let price = host.directory().price(slot.name()).await?;
        let mut taken = Reservation::default();
        taken.take(&plan.requests, 1).await?;
        // A request counts, whatever becomes of it.
        taken.keep();
        let request = headers.get(REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static("none"));
        let (id, sealed) = (extensions.get().copied(), extensions.get::<CameSealed>().is_some());
        let (host, cost) = (host.clone(), Money::default());
        let admission = Admission::of(host.gate(), caller.tenant(), Some(slot.name()));
        let (bytes_in, input, under_way) = (0, None, None);
        Ok(Self {
            host,
            caller,
            plan,
            max_cost,
            price,
            taken,
            cost,
            id,
            sealed,
            request,
            bytes_in,
            input,
            admission,
            under_way,
        })
    }

    /// Reads the body of the call.
    pub(crate) async fn read(&mut self, parts: &Parts, body: Body) -> Result<Bytes, Error> {
        let body = self.admission.read(&parts.headers, body, self.host.limits().body_bytes).await?;
        self.came(&body).await?;
        Ok(body)
    }

    /// Takes note of the content that came.
    pub(crate) async fn came(&mut self, content: &Bytes) -> Result<(), Error> {
        self.bytes_in = content.len() as u64;
        if self.host.sealing().is_some() {
            let content = content.clone();
            let digest = self.admission.work(HASHED_AT_ONCE, content.len(), move |_| Ok(Digest::of(&content)));
            self.input = Some(digest.await?);
        }
        Ok(())
    }

    /// Takes note of how many bytes came, of which no receipt tells.
    pub(crate) fn came_as_message(&mut self, bytes: usize) {
        self.bytes_in = bytes as u64;
    }

    /// Makes what `model` runs, of `size` bytes of which only up to `quick` are quick, with up to `memory` bytes beyond them.
    pub(crate) async fn prepare<T: Send + 'static, E: Into<Error>>(
        &mut self,
        (model, begun): (&Arc<Model>, Instant),
        (quick, size, memory): (usize, usize, usize),
        work: impl FnOnce(&Working) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error> {
        let work = move |working: &Working| work(working).map_err(Into::into);
        if size <= quick {
            return work(&Working::at_once());
        }
        let prepared = self.preparing((model, begun), size)?.beside(memory, work).await;
        self.prepared();
        prepared
    }

    /// From now on the tensors for `model` are made of `size` bytes, beside the runtime, until [`Self::prepared`].
    pub(crate) fn preparing(
        &mut self,
        (model, begun): (&Arc<Model>, Instant),
        size: usize,
    ) -> Result<&Admission, Error> {
        self.admission.take_place(size)?;
        self.under_way = Some(UnderWay { model: Arc::clone(model), begun, work: Work::Preparing });
        Ok(&self.admission)
    }

    pub(crate) fn prepared(&mut self) {
        self.under_way = None;
    }

    /// Takes the units of `running` of the caller's limits, and what they cost of its budgets, before anything runs. At most one time a
    /// call.
    pub(crate) async fn charge(
        &mut self,
        (model, begun): (&Arc<Model>, Instant),
        running: &Running,
    ) -> Result<(), Error> {
        self.admission.is_over();
        self.under_way = Some(UnderWay { model: Arc::clone(model), begun, work: Work::Preparing });
        let charged = self.take(running.counted(begun).usage().units()).await;
        self.under_way = None;
        charged
    }

    async fn take(&mut self, units: u64) -> Result<(), Error> {
        self.cost = self.price.of(units);
        self.taken.take(&self.plan.units, units).await?;
        self.taken.take(&self.plan.costs, self.cost.nanos()).await?;
        Ok(self.taken.take(self.max_cost.as_slice(), self.cost.nanos()).await?)
    }

    /// Whose call it is.
    pub(crate) fn tenant(&self) -> &TenantName {
        self.caller.tenant()
    }

    /// Waits for `work`, which is what was charged.
    pub(crate) async fn run<T, E: Into<Error>>(
        &mut self,
        (model, begun): (&Arc<Model>, Instant),
        running: Running,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        self.under_way = Some(UnderWay { model: Arc::clone(model), begun, work: Work::Running(running) });
        let ran = work.await.map_err(Into::into);
        // What ran is under way until it is recorded: whoever leaves before has had it.
        if let Err(error) = &ran
            && let Some(UnderWay { work: Work::Running(running), .. }) = self.under_way.take()
            && error.is_of_the_run()
        {
            self.is_not_kept();
            self.record(model, running.counted(begun).usage(), 0);
        }
        ran
    }

    /// Writes an answer of `size` bytes of JSON. What ran is charged where the answer is at fault, and not where this process is.
    pub(crate) async fn write<T: Send + 'static>(
        &mut self,
        size: usize,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let written = self.admission.write(QUICK, size, work).await;
        if written.as_ref().is_err_and(|error| !error.is_of_the_run()) {
            self.under_way = None;
        }
        written
    }

    /// What may come and go at most.
    pub(crate) fn limits(&self) -> Limits {
        self.host.limits()
    }

    /// The answer to the call, which is counted as the answer says, with a receipt of it.
    pub(crate) async fn answered(&mut self, model: &Model, response: Response<Body>) -> Result<Response<Body>, Error> {
        let (mut parts, mut body) = response.into_parts();
        let Some(Written { usage, bytes }) = parts.extensions.remove() else {
            return Ok(Response::from_parts(parts, body));
        };
        self.count(model, usage, bytes, &mut parts.headers);
        if self.input.is_some() {
            let mut pieces = Vec::new();
            // They are all there: nothing waits.
            while let Some(Ok(frame)) = body.frame().await {
                pieces.extend(frame.into_data());
            }
            let size = usize::try_from(bytes).unwrap_or(usize::MAX);
            let hash = move || {
                let mut hasher = DigestHasher::default();
                for piece in &pieces {
                    hasher.update(piece);
                }
                Ok((pieces, hasher.finish()))
            };
            let (pieces, output) = self.admission.write(HASHED_AT_ONCE, size, hash).await?;
            body = Body::new(pieces.into_iter().collect::<Pieces>());
            if let Some(receipt) = self.receipt(model, usage, output).await
                && let Ok(receipt) = HeaderValue::from_str(&receipt)
            {
                parts.headers.insert(HeaderName::from_static(RECEIPT), receipt);
            }
        }
        Ok(Response::from_parts(parts, body))
    }

    /// The signed receipt of an answer with the digest `output`; none where nobody can sign it at the moment.
    pub(crate) async fn receipt(&self, model: &Model, usage: Usage, output: Digest) -> Option<String> {
        let (sealing, input) = (self.host.sealing()?, self.input?);
        let digest = |digest: Digest| amaas_wire::Digest::from_bytes(*digest.as_bytes());
        let unit = if usage.tokens.is_some() { "tokens" } else { "rows" };
        let receipt = Receipt {
            format: receipt::ReceiptFormat::One,
            request_id: self.request.to_str().unwrap_or("none").to_owned(),
            time: now(),
            tenant: self.caller.tenant().to_string(),
            model: model.name().to_string(),
            version: model.version().to_string(),
            digest: digest(model.digest()),
            usage: MeteredUsage { usage, units: usage.units(), unit: unit.to_owned() },
            input: digest(input),
            output: digest(output),
        };
        sealing.receipt(&receipt).await.unwrap_or_else(|error| {
            tracing::warn!(cause = error.internal_text(), "an answer leaves without a receipt");
            None
        })
    }

    /// Counts the call as `usage`, and says in `headers` what is left.
    pub(crate) fn count(&mut self, model: &Model, usage: Usage, bytes_out: u64, headers: &mut HeaderMap) {
        self.record(model, usage, bytes_out);
        self.left(headers);
    }

    /// Counts the call for itself, whatever its idempotency key: its answer is kept for no repeat, so each repeat is answered anew.
    pub(crate) fn is_not_kept(&mut self) {
        self.id = None;
    }

    /// Counts the call as `usage`, which may come to fewer units than were charged.
    pub(crate) fn record(&mut self, model: &Model, usage: Usage, bytes_out: u64) {
        self.under_way = None;
        if bytes_out > LARGEST {
            self.is_not_kept();
        }
        let units = usage.units();
        self.cost = self.price.of(units);
        self.taken.settle(LimitKind::Units, units);
        self.taken.settle(LimitKind::Budget, self.cost.nanos());
        self.taken.settle(LimitKind::MaxCost, self.cost.nanos());
        self.taken.keep();
        let meter = self.host.meter();
        let (name, version) = (model.name().as_str(), model.version().as_str());
        let init = if meter.is_first(name, version) { model.times().total.as_millis() } else { 0 };
        meter.keep(UsageRecord {
            id: self.id.map_or_else(drawn, |CallId(id)| hex(&id[..16])),
            repeatable: self.id.is_some(),
            time: meter.now(),
            tenant: self.caller.tenant().clone(),
            key: self.caller.key().map(|key| key.id.clone()),
            model: name.to_owned(),
            version: version.to_owned(),
            route: self.caller.routes(),
            rows: usage.rows,
            tokens: usage.tokens,
            billed_ms: usage.billed_ms,
            init_ms: u64::try_from(init).unwrap_or(u64::MAX),
            bytes_in: self.bytes_in,
            bytes_out,
            sealed: self.sealed,
            cost: self.cost,
            request: self.request.to_str().unwrap_or("none").to_owned(),
        });
    }

    /// Says what is left of the limit that is nearest.
    pub(crate) fn left(&self, headers: &mut HeaderMap) {
        let all = self.plan.requests.iter().chain(&self.plan.units).map(|limit| limit.remaining());
        let share =
            |left: &amaas_access::quota::RemainingLimit| left.remaining.saturating_mul(1 << 20) / left.most.max(1);
        let Some(nearest) = all.min_by_key(share) else { return };
        let seconds = nearest.reset.as_secs() + u64::from(nearest.reset.subsec_nanos() > 0);
        for (name, value) in [(LIMIT, nearest.most), (REMAINING, nearest.remaining), (RESET, seconds)] {
            headers.insert(HeaderName::from_static(name), value.into());
        }
    }
}

impl Drop for Call {
    /// Whoever goes away has had what was done until then.
    fn drop(&mut self) {
        let Some(UnderWay { model, begun, work }) = self.under_way.take() else { return };
        let running = match work {
            Work::Running(running) => running,
            Work::Preparing => {
                let Some(done) = self.admission.progress().done() else { return };
                let rows = usize::try_from(done).unwrap_or(usize::MAX);
                let running =
                    if counts_tokens(&model) { Running::new(1, Some(done)) } else { Running::new(rows, None) };
                // Nothing of it is taken yet, or not all of it.
                self.taken = Reservation::default();
                let (plan, max_cost, cost) = (Arc::clone(&self.plan), self.max_cost.clone(), self.price.of(done));
                let take = async move {
                    let mut taken = Reservation::default();
                    let units = taken.take(&plan.units, done).await;
                    let costs = taken.take(&plan.costs, cost.nanos()).await;
                    let of_key = taken.take(max_cost.as_slice(), cost.nanos()).await;
                    taken.keep();
                    if let Err(error) = units.and(costs).and(of_key) {
                        tracing::debug!(%error, "what was done for a caller who left is in no limit");
                    }
                };
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(take);
                }
                running
            }
        };
        // No repeat gets this answer, so a repeat is another record.
        self.is_not_kept();
        self.record(&model, running.counted(begun).usage(), 0);
    }
}

/// Whether calls to `model` are counted in tokens.
fn counts_tokens(model: &Model) -> bool {
    let task = || model.task.clone();
    model.generate().is_ok()
        || task().and_then(AnyTask::embedder).is_some()
        || task().and_then(AnyTask::matcher).is_some()
}

/// Content that is hashed in less than 500 µs, at 0.6 ms a MiB.
const HASHED_AT_ONCE: usize = 512 << 10;

fn drawn() -> String {
    let mut id = [0; 16];
    // Without randomness two calls could share a record.
    if getrandom::fill(&mut id).is_err() {
        tracing::error!("the operating system gave no randomness: a record may be lost");
    }
    hex(&id)
}

fn hex(bytes: &[u8]) -> String {
    amaas_wire::hex::encode(bytes)
}
