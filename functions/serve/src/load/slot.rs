//! The place of one model in a host: loading, ready or failed; loaded again when its alias moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{LoadError, Model, Outlook, load, resolve};
use crate::config::RuntimeConfig;
use crate::error::Error;
use crate::store::{ModelName, Selector, Store};
use crate::task::Tasks;

/// The place of one model.
pub struct Slot {
    model: ModelName,
    version: Selector,
    state: watch::Sender<State>,
    /// The last error of a refresh, so that a lasting one is logged once.
    reported: Mutex<Option<String>>,
}

/// How far a model is.
#[derive(Clone)]
#[non_exhaustive]
pub enum State {
    /// On its way; calls wait for it.
    Loading,
    /// It answers.
    Ready(Arc<Model>),
    /// It could not be loaded. Where trying again can help, that goes on.
    Failed(String),
}

impl Slot {
    /// A place for a model that is not loaded yet.
    pub fn new(model: ModelName, version: Selector) -> Self {
        Self { model, version, state: watch::Sender::new(State::Loading), reported: Mutex::default() }
    }

    /// The model's name.
    pub fn name(&self) -> &ModelName {
        &self.model
    }

    /// How far it is now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until it is no longer loading.
    pub async fn settled(&self) -> State {
        let mut state = self.state.subscribe();
        match state.wait_for(|state| !matches!(state, State::Loading)).await {
            Ok(state) => state.clone(),
            Err(_) => self.state(),
        }
    }

    /// The model; waits while it is loading, so that the first call of a cold start is slow and not refused.
    ///
    /// # Errors
    /// [`Error::NotReady`] with the cause.
    pub(crate) async fn model(&self) -> Result<Arc<Model>, Error> {
        let not_ready = |reason: String| Error::NotReady { model: self.model.to_string(), reason };
        match tokio::time::timeout(PATIENCE, self.settled()).await {
            Ok(State::Ready(model)) => Ok(model),
            Ok(State::Failed(reason)) => Err(not_ready(reason)),
            Ok(State::Loading) | Err(_) => Err(not_ready("it is still loading".to_owned())),
        }
    }

    /// Loads the model, again and again with growing pauses while trying again can help. Calls wait through a first
    /// failure that may pass; after any other they are answered with the cause.
    pub async fn load(&self, store: &Store, tasks: &Tasks, config: &RuntimeConfig) {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let error = match self.refresh(store, tasks, config).await {
                Ok(()) => return,
                Err(error) => error,
            };
            tracing::error!(model = %self.model, attempt, %error, "the model could not be loaded");
            match error.outlook() {
                Outlook::MayPass if attempt == 1 => {}
                Outlook::MayPass | Outlook::MayBeMended => self.fail(&error),
                Outlook::Stays => return self.fail(&error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }

    /// Loads the version that the alias points to now, where another is served. A version that cannot be loaded leaves
    /// the one before in its place.
    ///
    /// # Errors
    /// Why the new version could not be loaded.
    pub async fn refresh(&self, store: &Store, tasks: &Tasks, config: &RuntimeConfig) -> Result<(), LoadError> {
        let version = resolve(store, &self.model, &self.version).await?;
        if let State::Ready(model) = self.state()
            && *model.version() == version
        {
            return Ok(());
        }
        let model = load(store, &self.model, &version, tasks, config).await?;
        self.state.send_replace(State::Ready(Arc::new(model)));
        Ok(())
    }

    /// Logs why a refresh failed, unless that was logged already.
    pub(super) fn report(&self, error: &LoadError) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        if reported.as_ref() != Some(&text) {
            tracing::error!(model = %self.model, %error, "a newer version could not be loaded");
            *reported = Some(text);
        }
    }

    fn fail(&self, error: &LoadError) {
        self.state.send_if_modified(|state| {
            let failed = !matches!(state, State::Ready(_));
            if failed {
                *state = State::Failed(error.to_string());
            }
            failed
        });
    }
}

/// How long a call waits for its model. A cold start of a large model takes seconds; API Gateway gives up after 29.
const PATIENCE: Duration = Duration::from_secs(25);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
