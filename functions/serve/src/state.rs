//! The state of a host that every route shares: models, callers, limits and the usage meter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use bytes::Bytes;

use crate::admission::AdmissionGate;
use crate::config::{AllowedOrigins, Iam};
use crate::error::CapacityError;
use crate::error::Error;
use crate::limits::Limits;
use crate::openapi::RouteSupport;
use crate::response_store::ResponseStore;
use crate::sealing::{SealedBodies, Sealing, SealingPolicy};
use amaas_access::meter::{EmfOutput, QUEUE_DEPTH_INTERVAL, UsageJournal, UsageMeter};
use amaas_access::oidc::OidcVerifier;
use amaas_access::quota::{LEASE_IDLE_TIMEOUT, Quotas};
use amaas_access::{Accounts, Directory};
use amaas_ledger::Clock;
use amaas_model::ModelError;
use amaas_model::load::{LoadState, Model, ModelSlot};
use amaas_store::ModelName;

/// The state of a host; cheap to clone. [`AppState::builder`] makes it.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    slots: RwLock<BTreeMap<ModelName, Arc<ModelSlot>>>,
    directory: Directory,
    quotas: Quotas,
    meter: UsageMeter,
    oidc: Option<Arc<OidcVerifier>>,
    iam: Iam,
    origins: AllowedOrigins,
    limits: Limits,
    draining: watch::Sender<bool>,
    lifecycle: Lifecycle,
    sealing: Option<Sealing>,
    sealed_bodies: SealedBodies,
    responses: ResponseStore,
    gate: Arc<AdmissionGate>,
    public_document: Mutex<Option<(PublicDocumentKey, Bytes)>>,
}

/// Whether the process runs between calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifecycle {
    /// It runs continuously.
    #[default]
    Continuous,
    /// It is suspended between calls, as under Lambda: usage is written to the ledger before a response ends.
    Suspended,
}

/// The inputs of the public `OpenAPI` document, as a cache key.
pub(super) type PublicDocumentKey = (RouteSupport, Option<SealingPolicy>);

/// Builds an [`AppState`].
#[must_use]
pub struct AppStateBuilder {
    accounts: Accounts,
    limits: Limits,
    sealing: Option<Sealing>,
    oidc: Option<Arc<OidcVerifier>>,
    iam: Iam,
    origins: AllowedOrigins,
    journal: Option<PathBuf>,
    metrics: EmfOutput,
    lifecycle: Lifecycle,
    slots: Vec<Arc<ModelSlot>>,
}

impl AppStateBuilder {
    /// Opens sealed calls with the keys of `sealing`. Default: none, and only plain calls are accepted.
    pub fn sealing(self, sealing: impl Into<Option<Sealing>>) -> Self {
        Self { sealing: sealing.into(), ..self }
    }

    /// Accepts bearer tokens that `oidc` verifies, beside API keys. Default: none.
    pub fn oidc(self, oidc: impl Into<Option<Arc<OidcVerifier>>>) -> Self {
        Self { oidc: oidc.into(), ..self }
    }

    /// Sets whether a principal that AWS IAM authorised is a caller. Default: [`Iam::Ignore`].
    pub fn iam(self, iam: Iam) -> Self {
        Self { iam, ..self }
    }

    /// Lets pages of `origins` read responses in a browser. Default: none.
    pub fn cors(self, origins: AllowedOrigins) -> Self {
        Self { origins, ..self }
    }

    /// Keeps usage that is not in the ledger yet in files of `folder`. Default: in memory.
    pub fn journal(self, folder: &Path) -> Self {
        Self { journal: Some(folder.to_owned()), ..self }
    }

    /// Sets whether each call writes its metrics to standard output. Default: [`EmfOutput::Off`].
    pub fn metrics(self, metrics: EmfOutput) -> Self {
        Self { metrics, ..self }
    }

    /// Sets whether the process runs between calls. Default: it does.
    pub fn lifecycle(self, lifecycle: Lifecycle) -> Self {
        Self { lifecycle, ..self }
    }

    /// Serves the model in `slot`. Others can follow with [`AppState::insert`].
    pub fn model(mut self, slot: Arc<ModelSlot>) -> Self {
        self.slots.push(slot);
        self
    }

    /// The state.
    pub fn build(self) -> AppState {
        let Self { accounts, limits, sealing, oidc, iam, origins, journal, metrics, lifecycle, slots } = self;
        let ledger = Arc::clone(accounts.ledger());
        let journal = journal.as_deref().map_or_else(UsageJournal::in_memory, UsageMeter::journal);
        AppState(Arc::new(Inner {
            slots: RwLock::new(slots.into_iter().map(|slot| (slot.name().clone(), slot)).collect()),
            quotas: Quotas::new(Arc::clone(&ledger), Clock::default()),
            meter: UsageMeter::new(Arc::clone(&ledger), journal, metrics, Clock::default()),
            oidc,
            iam,
            origins,
            directory: Directory::new(accounts),
            responses: ResponseStore::in_ledger(ledger),
            gate: Arc::new(AdmissionGate::new(limits.body_bytes)),
            sealed_bodies: SealedBodies::new(limits.sealed_bytes),
            limits,
            draining: watch::Sender::new(false),
            lifecycle,
            sealing,
            public_document: Mutex::default(),
        }))
    }
}

impl AppState {
    /// Builds a host without models, for the callers in `accounts`. Its ledger counts usage and stores responses for repeats.
    pub fn builder(accounts: Accounts, limits: Limits) -> AppStateBuilder {
        AppStateBuilder {
            accounts,
            limits,
            sealing: None,
            oidc: None,
            iam: Iam::Ignore,
            origins: AllowedOrigins::None,
            journal: None,
            metrics: EmfOutput::Off,
            lifecycle: Lifecycle::Continuous,
            slots: Vec::new(),
        }
    }

    pub(crate) fn oidc(&self) -> Option<&OidcVerifier> {
        self.0.oidc.as_deref()
    }

    pub(crate) fn iam(&self) -> Iam {
        self.0.iam
    }

    pub(super) fn origins(&self) -> &AllowedOrigins {
        &self.0.origins
    }

    pub(crate) fn sealing(&self) -> Option<&Sealing> {
        self.0.sealing.as_ref()
    }

    /// The sealed bodies that are being received.
    pub(crate) fn sealed_bodies(&self) -> &SealedBodies {
        &self.0.sealed_bodies
    }

    /// Whether plain calls are refused.
    pub(crate) fn requires_sealing(&self) -> bool {
        self.sealing().is_some_and(|sealing| sealing.policy() == SealingPolicy::Required)
    }

    pub(crate) fn meter(&self) -> &UsageMeter {
        &self.0.meter
    }

    pub(crate) fn responses(&self) -> &ResponseStore {
        &self.0.responses
    }

    /// Bounds the resources of calls before their tensors exist.
    pub(crate) fn gate(&self) -> &Arc<AdmissionGate> {
        &self.0.gate
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// Writes usage to the ledger and returns idle leases of limits, until the host is dropped.
    pub(crate) async fn run_accounting(&self) {
        let give_back = async {
            loop {
                tokio::time::sleep(LEASE_IDLE_TIMEOUT).await;
                self.quotas().give_back(LEASE_IDLE_TIMEOUT).await;
            }
        };
        tokio::join!(self.meter().run(), give_back, self.report_queue_depth());
    }

    /// Writes the depth of each model's queue, if metrics are written.
    async fn report_queue_depth(&self) {
        while self.meter().writes_metrics() {
            tokio::time::sleep(QUEUE_DEPTH_INTERVAL).await;
            let slots = self.slots();
            let waiting = slots.iter().filter_map(|slot| match slot.state() {
                LoadState::Ready(model) => Some((slot.name().to_string(), model.queue_depth())),
                LoadState::Loading | LoadState::Failed(_) => None,
            });
            self.meter().report_queue_depth(waiting);
        }
    }

    /// Writes usage to the ledger if the process may be suspended after the response.
    pub(crate) async fn flush_before_suspension(&self) {
        if self.0.lifecycle == Lifecycle::Continuous {
            return;
        }
        let flushed = tokio::time::timeout(FLUSH_TIMEOUT, self.meter().flush()).await;
        match flushed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "usage not flushed before suspension: the next call retries"),
            Err(_) => tracing::error!(error = "timeout", "usage not flushed before suspension: the next call retries"),
        }
    }

    /// Writes all usage to the ledger and returns all leases, before the process ends.
    pub(crate) async fn flush(&self) {
        tokio::join!(self.meter().finish(), self.quotas().give_back(Duration::ZERO));
    }

    /// The public `OpenAPI` document, if it was written for `key`.
    pub(super) fn public_document(&self, key: PublicDocumentKey) -> Option<Bytes> {
        let kept = self.0.public_document.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(kept, _)| *kept == key).map(|(_, document)| document.clone())
    }

    /// Caches the public `OpenAPI` document.
    pub(super) fn cache_public_document(&self, key: PublicDocumentKey, document: Bytes) {
        *self.0.public_document.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, document));
    }

    /// Serves the model in `slot`, in place of another of the same name.
    pub fn insert(&self, slot: Arc<ModelSlot>) {
        self.0.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.name().clone(), slot);
    }

    /// Stops serving the model in `slot`, unless another slot replaced it. Calls that have its model are answered.
    pub fn remove(&self, slot: &Arc<ModelSlot>) {
        let mut slots = self.0.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.get(slot.name()).is_some_and(|there| Arc::ptr_eq(there, slot)) {
            slots.remove(slot.name());
        }
    }

    /// The slots of all models, by name.
    pub fn slots(&self) -> Vec<Arc<ModelSlot>> {
        self.0.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Refuses new calls with 503, so that clients retry elsewhere. Calls in flight are answered.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.0.draining.borrow()
    }

    /// Waits until the host drains.
    pub(crate) async fn drained(&self) {
        // The sender lives as long as the host, so the channel is open.
        let _ = self.0.draining.subscribe().wait_for(|draining| *draining).await;
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    /// The slot of the model called `name`.
    pub(crate) fn slot(&self, name: &str) -> Result<Arc<ModelSlot>, Error> {
        let slots = self.0.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = name.parse::<ModelName>().ok().and_then(|name| slots.get(&name).cloned());
        // The name came from the client and is echoed, so it is cut to the length of a name.
        slot.ok_or_else(|| Error::Model(ModelError::UnknownModel { model: name.chars().take(64).collect() }))
    }

    /// Refuses a call that arrives while the host drains. It is checked once, before a body is read: later the call is in flight.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        if self.is_draining() { Err(Error::Capacity(CapacityError::Draining)) } else { Ok(()) }
    }

    /// Refuses a call to the model in `slot` if its queue is full, before a body is read. The queue can fill up afterwards.
    pub(crate) fn check_capacity(slot: &ModelSlot) -> Result<(), Error> {
        match slot.state() {
            LoadState::Ready(model) => Ok(model.check_capacity()?),
            LoadState::Loading | LoadState::Failed(_) => Ok(()),
        }
    }

    /// The loaded model in `slot`, if its version is `version` or the call names none.
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

/// How long a response waits for the ledger.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
