//! Admission control: a call acquires a permit before the process does CPU work for it.
//!
//! Expanding a body, parsing it, decoding images and tokenizing cost far more than sending the request. So a call first acquires a
//! *permit* for itself and its bytes from three budgets: of its tenant, its model and the process. Otherwise it is refused at once. The call
//! holds the permit until its tensors exist; then the bounds of the model's queue apply. A tenant's budget is half of a model's, and a model's
//! is half of the process's. Work of less than 500 µs runs inline and needs no permit.
//!
//! Invariant: calls and bytes in preparation never exceed the budgets, for all clients together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::{self, RequestCoding, read_bounded};
use crate::error::CapacityError;
use crate::error::Error;
use amaas_access::TenantName;
use amaas_engine::cpu::{CpuLane, CpuPermit, JobProgress, WorkError};
use amaas_store::ModelName;

/// The admission budgets of a process.
#[derive(Debug)]
pub(crate) struct AdmissionGate {
    all: CallBudget,
    models: WeakMap<ModelName, CallBudget>,
    tenants: WeakMap<TenantName, TenantAdmission>,
    body_bytes: usize,
}

impl AdmissionGate {
    /// The budgets of a process that accepts bodies of at most `body_bytes`.
    pub(crate) fn new(body_bytes: usize) -> Self {
        let all = CallBudget::new(MAX_CALLS, body_bytes.saturating_mul(MAX_BODIES));
        Self { all, models: WeakMap::default(), tenants: WeakMap::default(), body_bytes }
    }

    /// Waits until the tenant may have a usage report made. Each tenant has one report at a time.
    pub(crate) async fn acquire_report_turn(&self, tenant: &TenantName) -> Result<OwnedSemaphorePermit, Error> {
        let tenant = self.tenant(tenant);
        let turn = Arc::clone(&tenant.reports).acquire_owned().await;
        turn.map_err(|error| Error::internal(error.to_string()))
    }

    fn tenant(&self, name: &TenantName) -> Arc<TenantAdmission> {
        let budget = || CallBudget::new(MAX_CALLS / 4, self.body_bytes.saturating_mul(MAX_BODIES / 4));
        self.tenants.get_or_insert(name, || TenantAdmission {
            budget: budget(),
            lane: CpuLane::default(),
            repeats: budget(),
            reports: Arc::new(Semaphore::new(1)),
        })
    }

    fn model(&self, name: &ModelName) -> Arc<CallBudget> {
        self.models
            .get_or_insert(name, || CallBudget::new(MAX_CALLS / 2, self.body_bytes.saturating_mul(MAX_BODIES / 2)))
    }
}

/// The budgets and the CPU lane of a tenant.
#[derive(Debug)]
struct TenantAdmission {
    budget: CallBudget,
    lane: CpuLane,
    /// Repeats that wait for the first call with their idempotency key.
    repeats: CallBudget,
    reports: Arc<Semaphore>,
}

/// A call in preparation: its tensors do not exist yet.
#[derive(Debug)]
pub(crate) struct Admission {
    gate: Arc<AdmissionGate>,
    tenant: Arc<TenantAdmission>,
    model: Option<Arc<CallBudget>>,
    progress: Arc<JobProgress>,
    permit: Option<AdmissionPermit>,
}

impl Admission {
    /// A call of `tenant` to `model`, if the model is known. It holds no permit yet.
    pub(crate) fn new(gate: &Arc<AdmissionGate>, tenant: &TenantName, model: Option<&ModelName>) -> Self {
        let (tenant, model) = (gate.tenant(tenant), model.map(|name| gate.model(name)));
        Self { gate: Arc::clone(gate), tenant, model, progress: Arc::default(), permit: None }
    }

    /// Reads a body. The bound of `limit` bytes holds before and after it is expanded.
    pub(crate) async fn read(&mut self, headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Error> {
        let body = read_bounded(headers, body, limit).await?;
        let Some(coding) = RequestCoding::of(headers)? else { return Ok(body) };
        let inline_limit = body::MAX_INLINE_EXPAND_BYTES;
        let expanded = self.run(inline_limit, body.len(), move |working| coding.expand(working, &body, limit)).await?;
        if let Some(permit) = &mut self.permit {
            self.tenant.grow(self.model.as_deref(), &self.gate.all, permit, expanded.len())?;
        }
        Ok(Bytes::from(expanded))
    }

    /// Does `work` on `size` bytes: inline up to `inline_limit` bytes, in the tenant's CPU lane above.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        inline_limit: usize,
        size: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if size <= inline_limit {
            return work(&CpuPermit::for_inline_work());
        }
        self.acquire_permit(size)?;
        self.run_in_lane(0, work).await
    }

    /// Does `work` in the tenant's CPU lane. The work takes up to `memory` bytes beyond its input.
    ///
    /// # Errors
    /// If the call holds no permit, or if `work` fails.
    async fn run_in_lane<T: Send + 'static>(
        &self,
        memory: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if self.permit.is_none() {
            return Err(Error::internal("CPU work without an admission permit"));
        }
        self.lane().run(memory, work).await
    }

    /// Acquires a permit for `size` bytes and returns the lane for work before the call is charged.
    ///
    /// # Errors
    /// [`CapacityError`] if the budget of the tenant, the model or the process is used up.
    pub(crate) fn preparation_lane(&mut self, size: usize) -> Result<TenantLane, Error> {
        self.acquire_permit(size)?;
        Ok(self.lane())
    }

    /// The lane for work after the call was charged. It waits for other work of the same tenant only.
    pub(crate) fn response_lane(&self) -> TenantLane {
        TenantLane { tenant: Arc::clone(&self.tenant), progress: Arc::default() }
    }

    fn lane(&self) -> TenantLane {
        TenantLane { tenant: Arc::clone(&self.tenant), progress: Arc::clone(&self.progress) }
    }

    /// Acquires a permit for `size` bytes, unless the call holds one.
    fn acquire_permit(&mut self, size: usize) -> Result<(), Error> {
        if self.permit.is_none() {
            self.permit = Some(self.tenant.acquire(self.model.as_deref(), &self.gate.all, size)?);
        }
        Ok(())
    }

    /// Releases the permit, once the tensors exist.
    pub(crate) fn release_permit(&mut self) {
        self.permit = None;
    }

    pub(crate) fn progress(&self) -> &JobProgress {
        &self.progress
    }
}

/// The CPU lane of the tenant, for one call.
pub(crate) struct TenantLane {
    tenant: Arc<TenantAdmission>,
    progress: Arc<JobProgress>,
}

impl TenantLane {
    /// Does `work` when its turn comes. It takes up to `memory` bytes beyond its input.
    pub(crate) async fn run<T: Send + 'static, E: From<WorkError> + Send + 'static>(
        self,
        memory: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        // The job keeps the tenant's entry alive. So a tenant whose clients disconnect gets no second share of the cores.
        let tenant = Arc::clone(&self.tenant);
        let work = move |working: &CpuPermit| {
            let done = work(working);
            drop(tenant);
            done
        };
        self.tenant.lane.run(self.progress, memory, work).await
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}

/// A permit for a waiting repeat with a body of `size` bytes; `None` if the tenant's budget for repeats is used up.
pub(crate) fn admit_waiting_repeat(gate: &AdmissionGate, tenant: &TenantName, size: usize) -> Option<RepeatPermit> {
    let tenant = gate.tenant(tenant);
    let held = tenant.repeats.try_acquire(size)?;
    Some(RepeatPermit { _tenant: tenant, _held: held })
}

/// The permit of a repeat that waits for the first call with its idempotency key.
pub(crate) struct RepeatPermit {
    _held: BudgetPermit,
    _tenant: Arc<TenantAdmission>,
}

impl TenantAdmission {
    fn acquire(&self, model: Option<&CallBudget>, all: &CallBudget, size: usize) -> Result<AdmissionPermit, Error> {
        let tenant = self
            .budget
            .try_acquire(size)
            .ok_or_else(|| Error::Capacity(CapacityError::TenantBusy { limit: self.budget.to_string() }))?;
        let busy = |what, budget: &CallBudget| Error::Capacity(CapacityError::Busy { what, limit: budget.to_string() });
        let model_held = match model {
            Some(budget) => Some(budget.try_acquire(size).ok_or_else(|| busy("the model", budget))?),
            None => None,
        };
        let all_held = all.try_acquire(size).ok_or_else(|| busy("the function", all))?;
        Ok(AdmissionPermit { tenant, model: model_held, all: all_held })
    }

    /// Extends `permit` to `size` bytes.
    fn grow(
        &self,
        model: Option<&CallBudget>,
        all: &CallBudget,
        permit: &mut AdmissionPermit,
        size: usize,
    ) -> Result<(), Error> {
        let busy = |what, budget: &CallBudget| Error::Capacity(CapacityError::Busy { what, limit: budget.to_string() });
        let grown = self.budget.grow(&mut permit.tenant, size);
        grown.ok_or_else(|| Error::Capacity(CapacityError::TenantBusy { limit: self.budget.to_string() }))?;
        if let (Some(budget), Some(held)) = (model, &mut permit.model) {
            budget.grow(held, size).ok_or_else(|| busy("the model", budget))?;
        }
        all.grow(&mut permit.all, size).ok_or_else(|| busy("the function", all))
    }
}

/// The permits of one call, from all budgets.
#[derive(Debug)]
struct AdmissionPermit {
    tenant: BudgetPermit,
    model: Option<BudgetPermit>,
    all: BudgetPermit,
}

/// A budget: a number of calls and a number of bytes for all of them together.
#[derive(Debug)]
struct CallBudget {
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_calls: usize,
    max_kib: u32,
}

#[derive(Debug)]
struct BudgetPermit {
    _call: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

impl CallBudget {
    fn new(max_calls: usize, max_bytes: usize) -> Self {
        let max_kib = u32::try_from(max_bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).max(1);
        let bytes = Semaphore::new((max_kib as usize).min(Semaphore::MAX_PERMITS));
        Self { calls: Arc::new(Semaphore::new(max_calls)), bytes: Arc::new(bytes), max_calls, max_kib }
    }

    /// A permit for a call of `size` bytes; `None` if the budget is used up. A call larger than the whole budget can take all of it.
    fn try_acquire(&self, size: usize) -> Option<BudgetPermit> {
        let call = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        Some(BudgetPermit { _call: call, bytes: self.acquire_kib(self.kib(size))? })
    }

    fn grow(&self, held: &mut BudgetPermit, size: usize) -> Option<()> {
        let more = self.kib(size).saturating_sub(u32::try_from(held.bytes.num_permits()).unwrap_or(u32::MAX));
        if more > 0 {
            held.bytes.merge(self.acquire_kib(more)?);
        }
        Some(())
    }

    fn acquire_kib(&self, kib: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.bytes).try_acquire_many_owned(kib).ok()
    }

    fn kib(&self, size: usize) -> u32 {
        u32::try_from(size.div_ceil(1 << 10)).unwrap_or(u32::MAX).clamp(1, self.max_kib)
    }
}

impl std::fmt::Display for CallBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} calls of {} KiB together", self.max_calls, self.max_kib)
    }
}

/// A map that shares one value for each key while a caller holds it.
#[derive(Debug)]
struct WeakMap<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K: Clone + Eq + Hash, V> WeakMap<K, V> {
    fn get_or_insert(&self, key: &K, new: impl FnOnce() -> V) -> Arc<V> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = entries.get(key).and_then(Weak::upgrade) {
            return value;
        }
        if entries.len() >= MIN_SWEEP_LEN && entries.len().is_power_of_two() {
            entries.retain(|_, value| value.strong_count() > 0);
        }
        let value = Arc::new(new());
        entries.insert(key.clone(), Arc::downgrade(&value));
        value
    }
}

impl<K, V> Default for WeakMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Calls in preparation in one process, including calls that wait for their turn.
const MAX_CALLS: usize = 1024;
/// Bytes of those calls, as a number of bodies of the largest size.
const MAX_BODIES: usize = 16;
/// A map of fewer entries is not swept for values that were dropped.
const MIN_SWEEP_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantName {
        name.parse().expect("a valid name")
    }

    fn fill(
        gate: &AdmissionGate,
        tenant: &Arc<TenantAdmission>,
        model: &CallBudget,
        size: usize,
    ) -> (Vec<AdmissionPermit>, Error) {
        let mut permits = Vec::new();
        loop {
            match tenant.acquire(Some(model), &gate.all, size) {
                Ok(permit) => permits.push(permit),
                Err(error) => return (permits, error),
            }
        }
    }

    #[test]
    fn one_tenant_has_half_of_a_model_and_says_so() {
        let gate = AdmissionGate::new(1 << 20);
        let (model, one, other) = (
            gate.model(&"m".parse().expect("a valid name")),
            gate.tenant(&tenant("one")),
            gate.tenant(&tenant("other")),
        );
        let (permits, error) = fill(&gate, &one, &model, 1);
        assert_eq!((permits.len(), error.status().as_u16()), (MAX_CALLS / 4, 429));
        assert_eq!(
            error.to_string(),
            "the tenant's calls that are being read come to 256 calls of 4096 KiB together already"
        );
        let (others, error) = fill(&gate, &other, &model, 1);
        assert_eq!((others.len(), error.status().as_u16()), (MAX_CALLS / 4, 429));
        let (none, error) = fill(&gate, &gate.tenant(&tenant("third")), &model, 1);
        assert_eq!((none.len(), error.status().as_u16()), (0, 503), "the model is full");
        drop(permits);
        assert_eq!(fill(&gate, &one, &model, 1).0.len(), MAX_CALLS / 4);
    }

    #[test]
    fn bytes_are_bounded_and_a_body_that_grows_has_to_fit() {
        let gate = AdmissionGate::new(1 << 20);
        let (model, one) = (gate.model(&"m".parse().expect("a valid name")), gate.tenant(&tenant("one")));
        let (permits, error) = fill(&gate, &one, &model, 1 << 20);
        assert_eq!((permits.len(), error.status().as_u16()), (MAX_BODIES / 4, 429));
        drop(permits);
        let (mut small, _) = fill(&gate, &one, &model, 64 << 10);
        assert_eq!(small.len(), 64, "64 KiB each, of 4 MiB");
        small.truncate(60);
        let permit = &mut small[0];
        one.grow(Some(&model), &gate.all, permit, 320 << 10).expect("256 KiB remain in the budget");
        let error = one.grow(Some(&model), &gate.all, permit, 321 << 10).expect_err("the budget is used up");
        assert!(error.retry_after().is_some() && error.is_not_processed());
        assert_eq!(gate.tenants.0.lock().expect("not poisoned").len(), 1);
    }

    #[test]
    fn a_call_larger_than_the_bound_has_it_alone() {
        let budget = CallBudget::new(2, 1 << 20);
        let all = budget.try_acquire(1 << 30).expect("the budget is unused");
        assert!(budget.try_acquire(1).is_none());
        drop(all);
        assert!(budget.try_acquire(1).is_some());
    }
}
