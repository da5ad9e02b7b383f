//! The place of one model in a host: loading, ready or failed; loaded again when its alias moves.
//!
//! One task loads, at a time. Calls wait for it, and where it failed they have it try again: a Lambda function lives only
//! while a call is under way, so a retry that nobody waits for may never end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{LoadError, Model, Outlook, Source, load, resolve};
use crate::config::RuntimeConfig;
use crate::error::Error;
use crate::infer::stuck;
use crate::store::{ModelName, Selector, Version};
use crate::task::Tasks;

/// The place of one model.
pub struct Slot {
    model: ModelName,
    version: Selector,
    state: watch::Sender<State>,
    /// Whether a task tries to load the model again and again.
    trying: AtomicBool,
    /// Told by calls that wait for another attempt.
    wanted: Notify,
    /// Whether the place was taken away.
    retired: watch::Sender<bool>,
    /// Held by whoever loads, so that two versions never race for the place; what the last attempt of theirs gave.
    attempt: tokio::sync::Mutex<Attempt>,
}

/// How far a model is.
#[derive(Clone)]
#[non_exhaustive]
pub enum State {
    /// On its way; calls wait for it.
    Loading,
    /// It answers.
    Ready(Arc<Model>),
    /// It could not be loaded, and why.
    Failed(String),
}

/// What is known from earlier attempts.
#[derive(Default)]
struct Attempt {
    /// A version that cannot be loaded, however often it is tried.
    hopeless: Option<Version>,
    /// The last error that was logged, so that a lasting one is logged once.
    logged: Option<String>,
}

impl Slot {
    /// A place for a model that is not loaded yet.
    pub fn new(model: ModelName, version: Selector) -> Self {
        let state = watch::Sender::new(State::Loading);
        let (trying, wanted, attempt) = (AtomicBool::new(false), Notify::new(), tokio::sync::Mutex::default());
        Self { model, version, state, trying, wanted, retired: watch::Sender::new(false), attempt }
    }

    /// Ends what loads the model, since no host has this place any more.
    pub(super) fn retire(&self) {
        self.retired.send_replace(true);
    }

    /// Done when the place was taken away.
    pub(super) async fn retired(&self) {
        // The sender is in the slot itself, so it is not gone before.
        let _ = self.retired.subscribe().wait_for(|retired| *retired).await;
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

    /// The model; waits while it is loading, so that the first call of a cold start is slow and not refused, and a moment
    /// where it failed but is tried again.
    ///
    /// # Errors
    /// [`Error::NotReady`] with the cause.
    pub(crate) async fn model(&self) -> Result<Arc<Model>, Error> {
        let not_ready = |reason: String| Error::NotReady { model: self.model.to_string(), reason };
        // Nearly always, and then there is nobody to wait for.
        if let State::Ready(model) = &*self.state.borrow() {
            return Ok(Arc::clone(model));
        }
        let mut state = timeout(PATIENCE, self.settled()).await.unwrap_or(State::Loading);
        if matches!(state, State::Failed(_)) && self.trying.load(Ordering::Relaxed) {
            let mut next = self.state.subscribe();
            next.mark_unchanged();
            self.wanted.notify_one();
            let _ = timeout(MOMENT, next.changed()).await;
            state = self.state();
        }
        match state {
            State::Ready(model) => Ok(model),
            State::Failed(reason) => Err(not_ready(reason)),
            State::Loading => Err(not_ready("it is still loading".to_owned())),
        }
    }

    /// Loads the model, again and again with growing pauses while trying again can help. Calls wait through a first
    /// failure that may pass; after any other they are answered with the cause.
    pub async fn load(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig) {
        self.trying.store(true, Ordering::Relaxed);
        let (mut pause, mut attempt) = (FIRST_PAUSE, 1);
        while let Err(error) = self.refresh(source, tasks, config).await {
            tracing::error!(model = %self.model, attempt, %error, "the model could not be loaded");
            match error.outlook() {
                Outlook::MayPass if attempt == 1 => {}
                Outlook::MayPass | Outlook::MayBeMended => self.fail(&error),
                Outlook::Stays => {
                    self.trying.store(false, Ordering::Relaxed);
                    return self.fail(&error);
                }
            }
            let ended = Instant::now();
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wanted.notified() => sleep_until(ended + FIRST_PAUSE).await,
            }
            (pause, attempt) = ((pause * 2).min(LONGEST_PAUSE), attempt + 1);
        }
        self.trying.store(false, Ordering::Relaxed);
    }

    /// Looks every `period` whether the alias moved, without end, and loads what it points to. A version that cannot be
    /// loaded leaves the one before in its place.
    pub async fn follow(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig, period: Duration) {
        while let Selector::Alias(_) = self.version {
            sleep(period).await;
            self.look(source, tasks, config).await;
        }
    }

    /// Done when the model that answered does so no more, since a run of it does not end, and may be loaded again: each such run has
    /// a thread and its memory until it ends, so there are a few of them at most. Meanwhile the model is not ready, which is how
    /// whoever looks after the process learns that it should be started again.
    pub async fn lost(&self) {
        let mut state = self.state.subscribe();
        loop {
            let model = match &*state.borrow_and_update() {
                State::Ready(model) => Some(Arc::clone(model)),
                State::Loading | State::Failed(_) => None,
            };
            let lost = async {
                match &model {
                    Some(model) => model.lost().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = lost => break,
                changed = state.changed() => if changed.is_err() { return std::future::pending().await },
            }
        }
        let mut is_told = false;
        while stuck() > MOST_STUCK {
            if !is_told {
                tracing::error!(model = %self.model, "too many runs do not end; the process has to be started again");
                self.state.send_replace(State::Failed("runs of it do not end".to_owned()));
                is_told = true;
            }
            sleep(FIRST_PAUSE).await;
        }
        tracing::error!(model = %self.model, "a run does not end, so the model is loaded again");
        self.state.send_replace(State::Loading);
    }

    /// Loads the version that the alias points to now, where another is served and nobody else is at it.
    pub(super) async fn look(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig) {
        let Ok(mut attempt) = self.attempt.try_lock() else { return };
        match self.guarded(source, tasks, config, &mut attempt).await {
            Ok(()) => attempt.logged = None,
            Err(error) => {
                let text = error.to_string();
                if attempt.logged.as_ref() != Some(&text) {
                    tracing::error!(model = %self.model, %error, "what the alias points to could not be loaded");
                    attempt.logged = Some(text);
                }
                self.fail(&error);
            }
        }
    }

    async fn refresh(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig) -> Result<(), LoadError> {
        let mut attempt = self.attempt.lock().await;
        self.guarded(source, tasks, config, &mut attempt).await
    }

    /// One attempt. A task is somebody else's code; where it panics, the model has failed, and nobody waits for ever.
    async fn guarded(
        &self,
        source: &Source,
        tasks: &Tasks,
        config: &RuntimeConfig,
        attempt: &mut Attempt,
    ) -> Result<(), LoadError> {
        let once = AssertUnwindSafe(self.once(source, tasks, config, attempt));
        once.catch_unwind().await.unwrap_or(Err(LoadError::Panicked))
    }

    async fn once(
        &self,
        source: &Source,
        tasks: &Tasks,
        config: &RuntimeConfig,
        attempt: &mut Attempt,
    ) -> Result<(), LoadError> {
        let version = resolve(source, &self.model, &self.version).await?;
        let served = matches!(self.state(), State::Ready(model) if *model.version() == version && !model.is_lost());
        if served || attempt.hopeless.as_ref() == Some(&version) {
            return Ok(());
        }
        match load(source, &self.model, &version, tasks, config).await {
            Ok(model) => {
                self.state.send_replace(State::Ready(Arc::new(model)));
                Ok(())
            }
            Err(error) => {
                attempt.hopeless = (error.outlook() == Outlook::Stays).then_some(version);
                Err(error)
            }
        }
    }

    /// Tells why the model is not there, unless an earlier version of it is.
    fn fail(&self, error: &LoadError) {
        self.state.send_if_modified(|state| {
            let failed = !matches!(state, State::Ready(_));
            if failed {
                *state = State::Failed(error.public());
            }
            failed
        });
    }
}

/// How long a call waits for its model. A cold start of a large model takes seconds; API Gateway gives up after 29.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long a call waits for another attempt at a model that failed.
const MOMENT: Duration = Duration::from_secs(3);
/// How many runs that do not end the process goes on beside.
const MOST_STUCK: usize = 1;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
