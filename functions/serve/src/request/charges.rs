//! What a call is charged, while it runs and if its client disconnects.
//!
//! Limits are charged before anything runs: one request at the start, then the units and their cost once they are known. A call without an
//! answer takes no units and costs nothing, with three exceptions, so that no client gets work for free. A client that disconnects is
//! charged for the work until then. A client whose values the network refused is charged for the run. A client that is refused after a
//! run, by the task or by a limit of a second charge, is charged for the runs that completed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use amaas_access::meter::UsageRecord;
use amaas_access::quota::{LimitKind, Reservation};
use amaas_model::load::Model;
use amaas_model::task::{CallHost, ComputeJob, Cost, CpuWork, PredictError, UsageSoFar};
use amaas_wire::Digest;
use amaas_wire::predict::Usage;
use async_trait::async_trait;

use super::call_error::CallError;
use super::context::{CallContext, CallId};
use crate::admission::Admission;
use crate::error::Error;
use crate::reply::Metering;
use crate::response_store::MAX_STORED_RESPONSE_BYTES;

/// A call to a loaded model, and what it has taken. If it is dropped before it is recorded, the client has disconnected.
pub(super) struct ActiveCallState {
    pub(super) context: CallContext,
    pub(super) model: Arc<Model>,
    pub(super) begun: Instant,
    pub(super) bytes_in: u64,
    pub(super) input: Option<Digest>,
    pub(super) progress: Mutex<CallProgress>,
    /// Held while limits are charged: a task can charge concurrently.
    pub(super) charging: tokio::sync::Mutex<()>,
}

/// The mutable state of a call.
pub(super) struct CallProgress {
    pub(super) admission: Admission,
    /// Set if the response is stored under an idempotency key.
    pub(super) id: Option<CallId>,
    pub(super) reservation: Reservation,
    pub(super) charged: Option<Cost>,
    /// The charges whose runs completed.
    pub(super) kept: Option<Cost>,
    pub(super) stage: ChargeStage,
    /// Why the host refused work or a charge.
    pub(super) refusal: Option<Error>,
}

/// The charge if the client disconnects now.
pub(super) enum ChargeStage {
    /// Nothing.
    Idle,
    /// The CPU work that was done; no limit was charged for it yet.
    Preparing,
    /// The run; the limits were charged for it.
    Charged(UsageSoFar),
}

impl ActiveCallState {
    pub(super) fn lock(&self) -> MutexGuard<'_, CallProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a failed call. The caller is charged for the run if its values are at fault, for the completed runs if it is refused
    /// later, and for nothing if this process is at fault.
    pub(super) fn settle_error(&self, error: CallError) -> Error {
        let mut progress = self.lock();
        let error = match error {
            CallError::Refused => {
                progress.refusal.take().unwrap_or_else(|| Error::internal("refused without a reason"))
            }
            CallError::Known(error) => error,
        };
        let usage = match std::mem::replace(&mut progress.stage, ChargeStage::Idle) {
            ChargeStage::Charged(usage) if error.is_run_error() => Some(usage.now()),
            _ if error.status().is_client_error() => progress.kept,
            _ => None,
        };
        match usage {
            Some(Cost { rows, tokens }) => {
                progress.id = None;
                self.record(&mut progress, Metering { rows, tokens, begun: self.begun }.usage(), 0);
            }
            None => progress.reservation = Reservation::default(),
        }
        error
    }

    pub(super) fn record(&self, progress: &mut CallProgress, usage: Usage, bytes_out: u64) {
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
        let _charging = self.charging.lock().await;
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

    fn keep_charge(&self, cost: Cost) {
        let mut progress = self.lock();
        progress.kept = Some(progress.kept.map_or(cost, |kept| sum(kept, cost)));
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

fn random_id() -> String {
    let mut id = [0; 16];
    // Without randomness, two calls can share a record.
    if getrandom::fill(&mut id).is_err() {
        tracing::error!("operating system randomness unavailable: usage records may collide");
    }
    amaas_wire::hex::encode(&id)
}
