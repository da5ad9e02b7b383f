//! What every route needs: the models, who may call, and the limits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;

use crate::access::Keys;
use bytes::Bytes;

use crate::config::Limits;
use crate::error::Error;
use crate::infer::Infer;
use crate::ledger::Ledger;
use crate::load::{Model, Slot, State};
use crate::openapi::Fits;
use crate::request::Answers;
use crate::seal::{Policy, Sealing};
use crate::store::ModelName;

/// The state of a host; cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    slots: RwLock<BTreeMap<ModelName, Arc<Slot>>>,
    access: Arc<dyn Keys>,
    limits: Limits,
    draining: watch::Sender<bool>,
    sealing: OnceLock<Sealing>,
    answers: OnceLock<Answers>,
    outline: Mutex<Option<(Outline, Bytes)>>,
}

/// What the document that anyone may read depends on.
pub(super) type Outline = (Fits, Option<Policy>);

impl Host {
    /// A host without models.
    pub fn new(access: Arc<dyn Keys>, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            slots: RwLock::default(),
            access,
            limits,
            draining: watch::Sender::new(false),
            sealing: OnceLock::new(),
            answers: OnceLock::new(),
            outline: Mutex::default(),
        }))
    }

    /// Has sealed calls opened with the keys of `sealing`, from now on. Only the first that is given counts.
    pub fn seal(&self, sealing: Sealing) {
        let _ = self.0.sealing.set(sealing);
    }

    pub(crate) fn sealing(&self) -> Option<&Sealing> {
        self.0.sealing.get()
    }

    /// Has answers kept in `ledger`, where all functions with the keys of `sealing` find them; in this process where nobody
    /// says so. Only the first that is given counts, before the first call.
    pub fn keep_answers(&self, ledger: Arc<dyn Ledger>, sealing: Sealing) {
        let _ = self.0.answers.set(Answers::in_ledger(ledger, sealing));
    }

    pub(crate) fn answers(&self) -> &Answers {
        self.0.answers.get_or_init(Answers::in_memory)
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
    pub fn insert(&self, slot: Arc<Slot>) {
        self.0.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.name().clone(), slot);
    }

    /// Every model's place, by name.
    pub fn slots(&self) -> Vec<Arc<Slot>> {
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

    pub(crate) fn access(&self) -> &dyn Keys {
        &*self.0.access
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    /// The place of the model called `name`.
    pub(crate) fn slot(&self, name: &str) -> Result<Arc<Slot>, Error> {
        let slots = self.0.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = name.parse::<ModelName>().ok().and_then(|name| slots.get(&name).cloned());
        // The name came from outside and goes back out, so it is cut to a length that a name can have.
        slot.ok_or_else(|| Error::UnknownModel { model: name.chars().take(64).collect() })
    }

    /// Refuses a call that comes while the function stops. It is asked once, before a body is read: a call whose body is
    /// on its way then is under way.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        if self.is_draining() { Err(Error::Draining) } else { Ok(()) }
    }

    /// Refuses a call to the model in `slot` that would be refused once its body is read, because the queue has no place left. A
    /// call that comes by here may yet find none.
    pub(crate) fn room(slot: &Slot) -> Result<(), Error> {
        match slot.state() {
            State::Ready(model) => model.infer().map_or(Ok(()), Infer::room),
            State::Loading | State::Failed(_) => Ok(()),
        }
    }

    /// The model called `name`, loaded, where its version is `version` or nobody asked for one.
    pub(crate) async fn model(&self, slot: &Slot, version: Option<&str>) -> Result<Arc<Model>, Error> {
        let model = slot.model().await?;
        match version {
            Some(got) if got != model.version().as_str() => Err(Error::UnknownVersion {
                model: slot.name().to_string(),
                got: got.chars().take(64).collect(),
                serving: model.version().to_string(),
            }),
            _ => Ok(model),
        }
    }
}
