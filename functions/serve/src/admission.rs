//! Admission: what a call takes of the process's bounds before CPU work is done for it.
//!
//! Expanding, reading a large body, decoding images and tokenizing take far longer than sending what asks for them. So a call takes a
//! *place* before the first of it: in number and in bytes, of its tenant's share, of its model's and of the process's, or is refused at
//! once. It has the place until its tensors are made, which then are under the bounds of the model's queue. One tenant has half of what a
//! model has, and a model half of what the process has. Work that is over in less than 500 µs is done where it comes in, and takes none.
//!
//! Invariant: no more calls and bytes are in preparation than the bounds say, whoever sends them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::{self, RequestCoding, bounded, media_type};
use crate::error::CapacityError;
use crate::error::Error;
use amaas_access::TenantName;
use amaas_engine::cpu::{CpuLane, CpuPermit, JobProgress, WorkError};
use amaas_store::ModelName;

/// The bounds of a process.
#[derive(Debug)]
pub(crate) struct AdmissionGate {
    all: CallBudget,
    models: WeakMap<ModelName, CallBudget>,
    tenants: WeakMap<TenantName, TenantAdmission>,
    body_bytes: usize,
}

impl AdmissionGate {
    /// The bounds of a process whose bodies have at most `body_bytes`.
    pub(crate) fn new(body_bytes: usize) -> Self {
        let all = CallBudget::new(CALLS, body_bytes.saturating_mul(BODIES));
        Self { all, models: WeakMap::default(), tenants: WeakMap::default(), body_bytes }
    }

    /// The right to have a report made: a tenant has one at a time.
    pub(crate) async fn report(&self, tenant: &TenantName) -> Result<OwnedSemaphorePermit, Error> {
        let tenant = self.tenant(tenant);
        let turn = Arc::clone(&tenant.reports).acquire_owned().await;
        turn.map_err(|error| Error::internal(error.to_string()))
    }

    fn tenant(&self, name: &TenantName) -> Arc<TenantAdmission> {
        let bound = || CallBudget::new(CALLS / 4, self.body_bytes.saturating_mul(BODIES / 4));
        self.tenants.of(name, || TenantAdmission {
            bound: bound(),
            lane: CpuLane::default(),
            repeats: bound(),
            reports: Arc::new(Semaphore::new(1)),
        })
    }

    fn model(&self, name: &ModelName) -> Arc<CallBudget> {
        self.models.of(name, || CallBudget::new(CALLS / 2, self.body_bytes.saturating_mul(BODIES / 2)))
    }
}

/// What a tenant has.
#[derive(Debug)]
struct TenantAdmission {
    bound: CallBudget,
    lane: CpuLane,
    /// Of calls that wait for the first with their idempotency key.
    repeats: CallBudget,
    reports: Arc<Semaphore>,
}

/// A call before its tensors are made.
#[derive(Debug)]
pub(crate) struct Admission {
    gate: Arc<AdmissionGate>,
    tenant: Arc<TenantAdmission>,
    model: Option<Arc<CallBudget>>,
    progress: Arc<JobProgress>,
    place: Option<AdmissionPermit>,
}

impl Admission {
    /// The admission of a call of `tenant`, which has no place yet; to `model`, if that is known.
    pub(crate) fn of(gate: &Arc<AdmissionGate>, tenant: &TenantName, model: Option<&ModelName>) -> Self {
        let (tenant, model) = (gate.tenant(tenant), model.map(|name| gate.model(name)));
        Self { gate: Arc::clone(gate), tenant, model, progress: Arc::default(), place: None }
    }

    /// Reads a body of JSON or tensors, of at most `limit` bytes and as many once it is expanded.
    pub(crate) async fn read(&mut self, headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Error> {
        media_type(headers)?;
        let body = bounded(headers, body, limit).await?;
        let Some(coding) = RequestCoding::of(headers)? else { return Ok(body) };
        let quick = body::QUICK;
        let expanded = self.work(quick, body.len(), move |working| coding.expand(working, &body, limit)).await?;
        if let Some(place) = &mut self.place {
            self.tenant.grow(self.model.as_deref(), &self.gate.all, place, expanded.len())?;
        }
        Ok(Bytes::from(expanded))
    }

    /// Does `work` on `size` bytes, of which only up to `quick` are quick.
    pub(crate) async fn work<T: Send + 'static>(
        &mut self,
        quick: usize,
        size: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if size <= quick {
            return work(&CpuPermit::for_inline_work());
        }
        self.take_place(size)?;
        self.beside(0, work).await
    }

    /// Does `work` beside the runtime, which takes up to `memory` bytes beyond its input.
    ///
    /// # Errors
    /// If there is no place, or what `work` fails with.
    async fn beside<T: Send + 'static>(
        &self,
        memory: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if self.place.is_none() {
            return Err(Error::internal("work was begun without a place"));
        }
        self.lane().run(memory, work).await
    }

    /// The lane for work before the call is charged, with a place for `size` bytes.
    ///
    /// # Errors
    /// [`CapacityError`] if the tenant, the model or the process has no place left.
    pub(crate) fn preparing(&mut self, size: usize) -> Result<TenantLane, Error> {
        self.take_place(size)?;
        Ok(self.lane())
    }

    /// The lane for work after the call was charged, which waits for other work of its tenant only.
    pub(crate) fn writing(&self) -> TenantLane {
        TenantLane { tenant: Arc::clone(&self.tenant), progress: Arc::default() }
    }

    fn lane(&self) -> TenantLane {
        TenantLane { tenant: Arc::clone(&self.tenant), progress: Arc::clone(&self.progress) }
    }

    /// Takes a place for `size` bytes, if the call has none yet.
    fn take_place(&mut self, size: usize) -> Result<(), Error> {
        if self.place.is_none() {
            self.place = Some(self.tenant.place(self.model.as_deref(), &self.gate.all, size)?);
        }
        Ok(())
    }

    /// The tensors are made.
    pub(crate) fn is_over(&mut self) {
        self.place = None;
    }

    pub(crate) fn progress(&self) -> &JobProgress {
        &self.progress
    }
}

/// The turns of a call's tenant.
pub(crate) struct TenantLane {
    tenant: Arc<TenantAdmission>,
    progress: Arc<JobProgress>,
}

impl TenantLane {
    /// Does `work` when it is its turn. It takes up to `memory` bytes beyond its input.
    pub(crate) async fn run<T: Send + 'static, E: From<WorkError> + Send + 'static>(
        self,
        memory: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        // The tenant is there for as long as its job is, so that a caller who goes away gets no new share of the turns.
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

/// A place of a repeat that waits, with a body of `size` bytes.
pub(crate) fn waits(gate: &AdmissionGate, tenant: &TenantName, size: usize) -> Option<Repeat> {
    let tenant = gate.tenant(tenant);
    let held = tenant.repeats.take(size)?;
    Some(Repeat { _tenant: tenant, _held: held })
}

/// See [`waits`].
pub(crate) struct Repeat {
    _held: BudgetPermit,
    _tenant: Arc<TenantAdmission>,
}

impl TenantAdmission {
    fn place(&self, model: Option<&CallBudget>, all: &CallBudget, size: usize) -> Result<AdmissionPermit, Error> {
        let tenant = self
            .bound
            .take(size)
            .ok_or_else(|| Error::Capacity(CapacityError::TenantBusy { limit: self.bound.to_string() }))?;
        let busy = |what, bound: &CallBudget| Error::Capacity(CapacityError::Busy { what, limit: bound.to_string() });
        let model_held = match model {
            Some(bound) => Some(bound.take(size).ok_or_else(|| busy("the model", bound))?),
            None => None,
        };
        let all_held = all.take(size).ok_or_else(|| busy("the function", all))?;
        Ok(AdmissionPermit { tenant, model: model_held, all: all_held })
    }

    /// Has `place` be for `size` bytes.
    fn grow(
        &self,
        model: Option<&CallBudget>,
        all: &CallBudget,
        place: &mut AdmissionPermit,
        size: usize,
    ) -> Result<(), Error> {
        let busy = |what, bound: &CallBudget| Error::Capacity(CapacityError::Busy { what, limit: bound.to_string() });
        let grown = self.bound.grow(&mut place.tenant, size);
        grown.ok_or_else(|| Error::Capacity(CapacityError::TenantBusy { limit: self.bound.to_string() }))?;
        if let (Some(bound), Some(held)) = (model, &mut place.model) {
            bound.grow(held, size).ok_or_else(|| busy("the model", bound))?;
        }
        all.grow(&mut place.all, size).ok_or_else(|| busy("the function", all))
    }
}

/// What a call has taken.
#[derive(Debug)]
struct AdmissionPermit {
    tenant: BudgetPermit,
    model: Option<BudgetPermit>,
    all: BudgetPermit,
}

/// So many calls, of so many bytes together.
#[derive(Debug)]
struct CallBudget {
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    most_calls: usize,
    most_kib: u32,
}

#[derive(Debug)]
struct BudgetPermit {
    _call: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

impl CallBudget {
    fn new(most_calls: usize, most_bytes: usize) -> Self {
        let most_kib = u32::try_from(most_bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).max(1);
        let bytes = Semaphore::new((most_kib as usize).min(Semaphore::MAX_PERMITS));
        Self { calls: Arc::new(Semaphore::new(most_calls)), bytes: Arc::new(bytes), most_calls, most_kib }
    }

    /// A place for a call of `size` bytes, where there is one. A call larger than the whole bound may have it alone.
    fn take(&self, size: usize) -> Option<BudgetPermit> {
        let call = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        Some(BudgetPermit { _call: call, bytes: self.bytes(self.kib(size))? })
    }

    fn grow(&self, held: &mut BudgetPermit, size: usize) -> Option<()> {
        let more = self.kib(size).saturating_sub(u32::try_from(held.bytes.num_permits()).unwrap_or(u32::MAX));
        if more > 0 {
            held.bytes.merge(self.bytes(more)?);
        }
        Some(())
    }

    fn bytes(&self, kib: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.bytes).try_acquire_many_owned(kib).ok()
    }

    fn kib(&self, size: usize) -> u32 {
        u32::try_from(size.div_ceil(1 << 10)).unwrap_or(u32::MAX).clamp(1, self.most_kib)
    }
}

impl std::fmt::Display for CallBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} calls of {} KiB together", self.most_calls, self.most_kib)
    }
}

/// What each of many has, for as long as somebody holds it.
#[derive(Debug)]
struct WeakMap<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K: Clone + Eq + Hash, V> WeakMap<K, V> {
    fn of(&self, key: &K, new: impl FnOnce() -> V) -> Arc<V> {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(key).and_then(Weak::upgrade) {
            return share;
        }
        if shares.len() >= SWEPT_FROM && shares.len().is_power_of_two() {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(new());
        shares.insert(key.clone(), Arc::downgrade(&share));
        share
    }
}

impl<K, V> Default for WeakMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Calls that a process prepares at once, waiting for their turn included.
const CALLS: usize = 1024;
/// Their bytes, in bodies of the largest size.
const BODIES: usize = 16;
/// From how many on those that nobody holds are dropped.
const SWEPT_FROM: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantName {
        name.parse().expect("a name")
    }

    fn fill(
        gate: &AdmissionGate,
        tenant: &Arc<TenantAdmission>,
        model: &CallBudget,
        size: usize,
    ) -> (Vec<AdmissionPermit>, Error) {
        let mut places = Vec::new();
        loop {
            match tenant.place(Some(model), &gate.all, size) {
                Ok(place) => places.push(place),
                Err(error) => return (places, error),
            }
        }
    }

    #[test]
    fn one_tenant_has_half_of_a_model_and_says_so() {
        let gate = AdmissionGate::new(1 << 20);
        let (model, one, other) =
            (gate.model(&"m".parse().expect("a name")), gate.tenant(&tenant("one")), gate.tenant(&tenant("other")));
        let (places, error) = fill(&gate, &one, &model, 1);
        assert_eq!((places.len(), error.status().as_u16()), (CALLS / 4, 429));
        assert_eq!(
            error.to_string(),
            "the tenant's calls that are being read come to 256 calls of 4096 KiB together already"
        );
        let (others, error) = fill(&gate, &other, &model, 1);
        assert_eq!((others.len(), error.status().as_u16()), (CALLS / 4, 429));
        let (none, error) = fill(&gate, &gate.tenant(&tenant("third")), &model, 1);
        assert_eq!((none.len(), error.status().as_u16()), (0, 503), "the model is full");
        drop(places);
        assert_eq!(fill(&gate, &one, &model, 1).0.len(), CALLS / 4);
    }

    #[test]
    fn bytes_are_bounded_and_a_body_that_grows_has_to_fit() {
        let gate = AdmissionGate::new(1 << 20);
        let (model, one) = (gate.model(&"m".parse().expect("a name")), gate.tenant(&tenant("one")));
        let (places, error) = fill(&gate, &one, &model, 1 << 20);
        assert_eq!((places.len(), error.status().as_u16()), (BODIES / 4, 429));
        drop(places);
        let (mut small, _) = fill(&gate, &one, &model, 64 << 10);
        assert_eq!(small.len(), 64, "64 KiB each, of 4 MiB");
        small.truncate(60);
        let place = &mut small[0];
        one.grow(Some(&model), &gate.all, place, 320 << 10).expect("256 KiB are left");
        let error = one.grow(Some(&model), &gate.all, place, 321 << 10).expect_err("and no more");
        assert!(error.retry_after().is_some() && error.is_not_processed());
        assert_eq!(gate.tenants.0.lock().expect("not poisoned").len(), 1);
    }

    #[test]
    fn a_call_larger_than_the_bound_has_it_alone() {
        let bound = CallBudget::new(2, 1 << 20);
        let all = bound.take(1 << 30).expect("alone");
        assert!(bound.take(1).is_none());
        drop(all);
        assert!(bound.take(1).is_some());
    }
}
