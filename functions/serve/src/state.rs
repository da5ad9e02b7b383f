//! What every route needs: the models, who may call, and the limits.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use bytes::Bytes;

use crate::admission::Gate;
use crate::config::Origins;
use crate::error::CapacityError;
use crate::error::Error;
use crate::limits::Limits;
use crate::openapi::Fits;
use crate::response_store::Answers;
use crate::sealing::{Arrivals, Policy, Sealing};
use amaas_access::meter::{Emf, QUEUE_DEPTH_INTERVAL, UsageJournal, UsageMeter};
use amaas_access::oidc::Oidc;
use amaas_access::quota::{LEASE_IDLE_TIMEOUT, Quotas};
use amaas_access::{Accounts, Directory};
use amaas_ledger::Clock;
use amaas_model::ModelError;
use amaas_model::load::{LoadState, Model, ModelSlot};
use amaas_store::ModelName;

/// The state of a host; cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    slots: RwLock<BTreeMap<ModelName, Arc<ModelSlot>>>,
    directory: Directory,
    quotas: Quotas,
    meter: OnceLock<UsageMeter>,
    oidc: OnceLock<Arc<Oidc>>,
    iam: AtomicBool,
    origins: OnceLock<Origins>,
    limits: Limits,
    draining: watch::Sender<bool>,
    /// Whether nothing runs in this process between calls.
    freezes: AtomicBool,
    sealing: OnceLock<Sealing>,
    arrivals: Arrivals,
    answers: Answers,
    gate: Arc<Gate>,
    outline: Mutex<Option<(Outline, Bytes)>>,
}

/// How long an answer waits for the ledger to count its call.
const BEFORE_FREEZING: Duration = Duration::from_secs(2);

/// What the document that anyone may read depends on.
pub(super) type Outline = (Fits, Option<Policy>);

impl Host {
    /// A host without models.
    /// Callers are found in `accounts`, and what they used is counted in their ledger, where answers are kept too.
    pub fn new(accounts: Accounts, limits: Limits) -> Self {
        let ledger = Arc::clone(accounts.ledger());
        Self(Arc::new(Inner {
            slots: RwLock::default(),
            quotas: Quotas::new(Arc::clone(&ledger), Clock::default()),
            meter: OnceLock::new(),
            oidc: OnceLock::new(),
            iam: AtomicBool::new(false),
            origins: OnceLock::new(),
            directory: Directory::new(accounts),
            answers: Answers::in_ledger(ledger),
            gate: Arc::new(Gate::new(limits.body_bytes)),
            limits,
            draining: watch::Sender::new(false),
            freezes: AtomicBool::new(false),
            sealing: OnceLock::new(),
            arrivals: Arrivals::new(limits.sealed_bytes),
            outline: Mutex::default(),
        }))
    }

    /// Has sealed calls opened with the keys of `sealing`, from now on. Only the first that is given counts.
    pub fn seal(&self, sealing: Sealing) {
        let _ = self.0.sealing.set(sealing);
    }

    /// Takes bearer tokens that `oidc` verifies, beside API keys. Only the first that is given counts.
    pub fn trust_tokens(&self, oidc: Arc<Oidc>) {
        let _ = self.0.oidc.set(oidc);
    }

    pub(crate) fn oidc(&self) -> Option<&Oidc> {
        self.0.oidc.get().map(|oidc| &**oidc)
    }

    /// Takes AWS IAM's word for who calls, where a caller has neither key nor token.
    pub fn trust_iam(&self) {
        self.0.iam.store(true, Ordering::Relaxed);
    }

    pub(crate) fn trusts_iam(&self) -> bool {
        self.0.iam.load(Ordering::Relaxed)
    }

    /// Lets pages of `origins` read answers in a browser. Only the first that is given counts, before the host is served.
    pub fn share_with(&self, origins: Origins) {
        let _ = self.0.origins.set(origins);
    }

    pub(super) fn origins(&self) -> &Origins {
        self.0.origins.get().unwrap_or(&Origins::None)
    }

    pub(crate) fn sealing(&self) -> Option<&Sealing> {
        self.0.sealing.get()
    }

    /// The sealed bodies that are under way.
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.0.arrivals
    }

    /// Whether plain calls are refused.
    pub(crate) fn requires_sealing(&self) -> bool {
        self.sealing().is_some_and(|sealing| sealing.policy() == Policy::Required)
    }

    /// Has usage kept in files of `folder` on its way to the ledger; in memory where nobody says so. Only the first that is given
    /// counts, before the first call.
    pub fn journal(&self, folder: &Path) {
        let _ = self.0.meter.set(self.meter_with(UsageMeter::journal(folder), Emf::Off));
    }

    /// The same, with a line on standard output for each call.
    pub(crate) fn journal_and_tell(&self, folder: &Path) {
        let _ = self.0.meter.set(self.meter_with(UsageMeter::journal(folder), Emf::On));
    }

    pub(crate) fn meter(&self) -> &UsageMeter {
        self.0.meter.get_or_init(|| self.meter_with(UsageJournal::in_memory(), Emf::Off))
    }

    fn meter_with(&self, journal: UsageJournal, emf: Emf) -> UsageMeter {
        let ledger = Arc::clone(self.0.directory.accounts().ledger());
        UsageMeter::new(ledger, journal, emf, Clock::default())
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// What calls take of the process before their tensors are made.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.0.gate
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// Brings usage into the ledger and gives unused parts of limits back, for as long as the host lives.
    pub(crate) async fn account(&self) {
        let give_back = async {
            loop {
                tokio::time::sleep(LEASE_IDLE_TIMEOUT).await;
                self.quotas().give_back(LEASE_IDLE_TIMEOUT).await;
            }
        };
        tokio::join!(self.meter().run(), give_back, self.tell_depth());
    }

    /// Says what waits for each model, where calls are told of too.
    async fn tell_depth(&self) {
        while self.meter().writes_metrics() {
            tokio::time::sleep(QUEUE_DEPTH_INTERVAL).await;
            let slots = self.slots();
            let waiting = slots.iter().filter_map(|slot| match slot.state() {
                LoadState::Ready(model) => Some((slot.name().to_string(), model.waiting())),
                LoadState::Loading | LoadState::Failed(_) => None,
            });
            self.meter().report_queue_depth(waiting);
        }
    }

    /// From now on nothing runs here between calls, so each is counted in the ledger before its answer has left.
    pub(crate) fn freezes(&self) {
        self.0.freezes.store(true, Ordering::Relaxed);
    }

    /// Brings usage into the ledger, where it would lie here until the next call.
    pub(crate) async fn before_freezing(&self) {
        if !self.0.freezes.load(Ordering::Relaxed) {
            return;
        }
        let flushed = tokio::time::timeout(BEFORE_FREEZING, self.meter().flush()).await;
        match flushed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "usage waits for the next call"),
            Err(_) => tracing::error!("usage waits for the next call: the ledger did not take it in time"),
        }
    }

    /// Brings what is left into the ledger, before the process ends.
    pub(crate) async fn settle(&self) {
        tokio::join!(self.meter().finish(), self.quotas().give_back(Duration::ZERO));
    }

    /// The document that anyone may read, where it was made for this before.
    pub(super) fn outline(&self, of: Outline) -> Option<Bytes> {
        let kept = self.0.outline.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(kept, _)| *kept == of).map(|(_, document)| document.clone())
    }

    /// Keeps it.
    pub(super) fn keep_outline(&self, of: Outline, document: Bytes) {
        *self.0.outline.lock().unwrap_or_else(PoisonError::into_inner) = Some((of, document));
    }

    /// Gives `slot` its place; another of the same name makes room.
    pub fn insert(&self, slot: Arc<ModelSlot>) {
        self.0.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.name().clone(), slot);
    }

    /// Takes the place of `slot` away, unless another took it; calls that have its model are answered.
    pub fn remove(&self, slot: &Arc<ModelSlot>) {
        let mut slots = self.0.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.get(slot.name()).is_some_and(|there| Arc::ptr_eq(there, slot)) {
            slots.remove(slot.name());
        }
    }

    /// Every model's place, by name.
    pub fn slots(&self) -> Vec<Arc<ModelSlot>> {
        self.0.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// From now on calls are refused with a word that they may be sent elsewhere; those under way are answered.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.0.draining.borrow()
    }

    /// Done when the function stops.
    pub(crate) async fn drained(&self) {
        // The sender is in the host itself, so it is not gone before.
        let _ = self.0.draining.subscribe().wait_for(|draining| *draining).await;
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    /// The place of the model called `name`.
    pub(crate) fn slot(&self, name: &str) -> Result<Arc<ModelSlot>, Error> {
        let slots = self.0.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = name.parse::<ModelName>().ok().and_then(|name| slots.get(&name).cloned());
        // The name came from outside and goes back out, so it is cut to a length that a name can have.
        slot.ok_or_else(|| Error::Model(ModelError::UnknownModel { model: name.chars().take(64).collect() }))
    }

    /// Refuses a call that comes while the function stops. It is asked once, before a body is read: a call whose body is
    /// on its way then is under way.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        if self.is_draining() { Err(Error::Capacity(CapacityError::Draining)) } else { Ok(()) }
    }

    /// Refuses a call to the model in `slot` that would be refused once its body is read, because the queue has no place left. A
    /// call that comes by here may yet find none.
    pub(crate) fn room(slot: &ModelSlot) -> Result<(), Error> {
        match slot.state() {
            LoadState::Ready(model) => Ok(model.infer().map_or(Ok(()), |infer| infer.room())?),
            LoadState::Loading | LoadState::Failed(_) => Ok(()),
        }
    }

    /// The model called `name`, loaded, where its version is `version` or nobody asked for one.
    pub(crate) async fn model(&self, slot: &ModelSlot, version: Option<&str>) -> Result<Arc<Model>, Error> {
        let model = slot.model().await?;
        match version {
            Some(got) if got != model.version().as_str() => Err(Error::Model(ModelError::UnknownVersion {
                model: slot.name().to_string(),
                got: got.chars().take(64).collect(),
                serving: model.version().to_string(),
            })),
            _ => Ok(model),
        }
    }
}
