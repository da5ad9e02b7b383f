//! The place of one model in a host: loading, ready or failed; loaded again when its alias moves.
//!
//! One task loads, at a time. Calls wait for it, and where it failed they have it try again: a Lambda function lives only
//! while a call is under way, so a retry that nobody waits for may never end.
//!
//! What an alias points to and cannot be loaded leaves the version before in its place, and is tried again, less and less often, or at
//! once where the alias is moved; until then the slot says what it is behind of.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::resolve::{Pointed, pointed};
use super::{LoadError, Model, Retryability, Source, load};
use crate::error::ModelError;
use crate::task::Tasks;
use amaas_engine::RuntimeConfig;
use amaas_engine::infer::stuck_runs;
use amaas_store::{ModelName, VersionSelector};

/// The place of one model.
pub struct Slot {
    model: ModelName,
    version: VersionSelector,
    state: watch::Sender<State>,
    /// Whether a task tries to load the model again and again.
    trying: AtomicBool,
    /// Told by calls that wait for another attempt.
    wanted: Notify,
    /// Whether the place was taken away.
    retired: watch::Sender<bool>,
    /// Held by whoever loads, so that two versions never race for the place; what the last attempt of theirs gave.
    attempt: tokio::sync::Mutex<Attempt>,
    trouble: Mutex<Trouble>,
}

/// What went wrong last, for callers.
#[derive(Default)]
struct Trouble {
    /// What the alias points to and could not be loaded, while an earlier version answers.
    behind: Option<String>,
    /// Whether another attempt may go better by itself.
    passes: bool,
}

/// How far a model is.
#[derive(Clone)]
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
    /// What the selector stood for when it was last looked at.
    pointed: Option<Pointed>,
    /// What could not be loaded.
    failed: Option<Failed>,
    /// The last error that was logged, so that a lasting one is logged once.
    logged: Option<String>,
}

/// What could not be loaded, and when it is tried again.
struct Failed {
    pointed: Pointed,
    retryability: Retryability,
    pause: Duration,
    again: Instant,
}

impl Failed {
    /// `pointed` could not be loaded, after `earlier` could not.
    fn new(pointed: Pointed, retryability: Retryability, earlier: Option<&Self>) -> Self {
        let earlier = earlier.filter(|earlier| earlier.pointed == pointed);
        let pause = earlier.map_or(FIRST_LOOK, |earlier| (earlier.pause * 2).min(LONGEST_LOOK));
        Self { pointed, retryability, pause, again: Instant::now() + pause }
    }
}

/// What has a model loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    /// There is none, and calls wait for it.
    Wanted,
    /// The alias is looked at now and then.
    Followed,
}

impl Slot {
    /// A place for a model that is not loaded yet.
    pub fn new(model: ModelName, version: VersionSelector) -> Self {
        let state = watch::Sender::new(State::Loading);
        let (trying, wanted, attempt) = (AtomicBool::new(false), Notify::new(), tokio::sync::Mutex::default());
        let retired = watch::Sender::new(false);
        Self { model, version, state, trying, wanted, retired, attempt, trouble: Mutex::default() }
    }

    /// Ends what loads the model, since no host has this place any more.
    pub fn retire(&self) {
        self.retired.send_replace(true);
    }

    /// Done when the place was taken away.
    pub async fn retired(&self) {
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

    /// What its alias points to and could not be loaded, and why, while an earlier version answers.
    pub fn behind(&self) -> Option<String> {
        self.trouble().behind.clone()
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
    /// [`ModelError::NotReady`] with the cause.
    pub async fn model(&self) -> Result<Arc<Model>, ModelError> {
        let not_ready = |reason: String, passes: bool| ModelError::NotReady {
            model: self.model.to_string(),
            reason,
            again: passes.then_some(AGAIN),
        };
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
            State::Failed(reason) => Err(not_ready(reason, self.trouble().passes)),
            State::Loading => Err(not_ready("it is still loading".to_owned(), true)),
        }
    }

    /// Loads the model, again and again with growing pauses while trying again can help. Calls wait through a first
    /// failure that may pass; after any other they are answered with the cause.
    pub async fn load(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig) {
        self.trying.store(true, Ordering::Relaxed);
        let (mut pause, mut attempt) = (FIRST_PAUSE, 1);
        loop {
            let begun = Instant::now();
            let Err(error) = self.refresh(source, tasks, config).await else { break };
            let took = begun.elapsed();
            tracing::error!(model = %self.model, attempt, %error, "the model could not be loaded");
            match error.retryability() {
                Retryability::Transient if attempt == 1 => {}
                Retryability::Transient | Retryability::AfterIntervention => self.fail(&error),
                Retryability::Permanent => {
                    self.trying.store(false, Ordering::Relaxed);
                    return self.fail(&error);
                }
            }
            let ended = Instant::now();
            tokio::select! {
                () = sleep(pause) => {}
                // Calls do not have a large model fetched without a pause.
                () = self.wanted.notified() => sleep_until(ended + FIRST_PAUSE.max(took).min(pause)).await,
            }
            (pause, attempt) = ((pause * 2).min(LONGEST_PAUSE), attempt + 1);
        }
        self.trying.store(false, Ordering::Relaxed);
    }

    /// Looks every `period` whether the alias moved, without end, and loads what it points to. A version that cannot be
    /// loaded leaves the one before in its place.
    pub async fn follow(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig, period: Duration) {
        while let VersionSelector::Alias(_) = self.version {
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
        while stuck_runs() > MOST_STUCK {
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
    pub async fn look(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig) {
        let Ok(mut attempt) = self.attempt.try_lock() else { return };
        if let Err(error) = self.guarded(source, tasks, config, (&mut attempt, Trigger::Followed)).await {
            let text = error.to_string();
            if attempt.logged.as_ref() != Some(&text) {
                tracing::error!(model = %self.model, %error, "what the alias points to could not be loaded");
                attempt.logged = Some(text);
            }
            self.fail(&error);
            self.fall_behind(attempt.pointed.as_ref(), &error);
        }
    }

    async fn refresh(&self, source: &Source, tasks: &Tasks, config: &RuntimeConfig) -> Result<(), LoadError> {
        let mut attempt = self.attempt.lock().await;
        self.guarded(source, tasks, config, (&mut attempt, Trigger::Wanted)).await
    }

    /// One attempt. A task is somebody else's code; where it panics, the model has failed, and nobody waits for ever.
    async fn guarded(
        &self,
        source: &Source,
        tasks: &Tasks,
        config: &RuntimeConfig,
        attempt: (&mut Attempt, Trigger),
    ) -> Result<(), LoadError> {
        let once = AssertUnwindSafe(self.once(source, tasks, config, attempt));
        once.catch_unwind().await.unwrap_or(Err(LoadError::Panicked))
    }

    async fn once(
        &self,
        source: &Source,
        tasks: &Tasks,
        config: &RuntimeConfig,
        (attempt, trigger): (&mut Attempt, Trigger),
    ) -> Result<(), LoadError> {
        attempt.pointed = None;
        let pointed = pointed(source, &self.model, &self.version).await?;
        attempt.pointed = Some(pointed.clone());
        let version = &pointed.version;
        if matches!(self.state(), State::Ready(model) if model.version() == version && !model.is_lost()) {
            self.caught_up(attempt);
            return Ok(());
        }
        let failed = attempt.failed.as_ref().filter(|failed| failed.pointed == pointed);
        if failed.is_some_and(|failed| match failed.retryability {
            Retryability::Permanent => true,
            Retryability::Transient | Retryability::AfterIntervention => {
                trigger == Trigger::Followed && Instant::now() < failed.again
            }
        }) {
            return Ok(());
        }
        match load(source, &self.model, version, tasks, config).await {
            Ok(model) => {
                self.caught_up(attempt);
                self.state.send_replace(State::Ready(Arc::new(model)));
                Ok(())
            }
            Err(error) => {
                attempt.failed = Some(Failed::new(pointed, error.retryability(), attempt.failed.as_ref()));
                Err(error)
            }
        }
    }

    /// Forgets what went wrong: what the selector stands for is served.
    fn caught_up(&self, attempt: &mut Attempt) {
        (attempt.failed, attempt.logged) = (None, None);
        self.trouble().behind = None;
    }

    /// Tells what is not served, where an earlier version is.
    fn fall_behind(&self, pointed: Option<&Pointed>, error: &LoadError) {
        if let (VersionSelector::Alias(alias), State::Ready(_)) = (&self.version, self.state()) {
            let cause = error.public();
            self.trouble().behind = Some(match pointed {
                Some(Pointed { version, .. }) => {
                    format!("{alias} points to {version}, which could not be loaded: {cause}")
                }
                None => format!("where {alias} points to could not be read: {cause}"),
            });
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells why the model is not there, unless an earlier version of it is.
    fn fail(&self, error: &LoadError) {
        self.trouble().passes = error.retryability() == Retryability::Transient;
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
/// When a call may be sent again that came before its model.
pub const AGAIN: Duration = Duration::from_secs(2);
/// After how long what an alias points to is tried again, when it could not be loaded for the first time.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The same, when it could not be for long: a large model is fetched anew each time.
const LONGEST_LOOK: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
