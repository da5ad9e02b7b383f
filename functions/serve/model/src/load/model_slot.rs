//! The slot of one model in a host: loading, ready or failed. It loads the model again when its alias moves.
//!
//! One task loads at a time, and calls wait for it. If it failed, a call requests a retry and waits for it: Lambda freezes a
//! function between calls, so a retry in the background may never end.
//!
//! If the version behind an alias cannot be loaded, the earlier version keeps answering. The slot retries with exponential
//! backoff, or at once if the alias moves. Until then, [`ModelSlot::failed_update`] names the version and the cause.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::resolve::{ResolvedVersion, resolve_selector};
use super::{LoadError, Model, ModelSource, Retryability, load};
use crate::error::ModelError;
use crate::task::Tasks;
use amaas_engine::RuntimeConfig;
use amaas_engine::infer::stuck_runs;
use amaas_store::{ModelName, VersionSelector};

/// The slot of one model: its state, and the task that loads it.
pub struct ModelSlot {
    model: ModelName,
    version: VersionSelector,
    state: watch::Sender<LoadState>,
    /// Whether a task retries to load the model.
    is_retrying: AtomicBool,
    /// Notified by calls that wait for another attempt.
    retry_requested: Notify,
    /// Whether the host has removed the slot.
    retired: watch::Sender<bool>,
    /// Locked while a version is loaded, so that two versions never race for the slot; holds the outcome of earlier attempts.
    history: tokio::sync::Mutex<LoadHistory>,
    last_failure: Mutex<LastFailure>,
}

/// The last failure, as clients see it.
#[derive(Default)]
struct LastFailure {
    /// The version that could not be loaded while an earlier one answers, and why.
    failed_update: Option<String>,
    /// Whether another attempt may succeed without intervention.
    is_transient: bool,
}

/// The state of a model.
#[derive(Clone)]
pub enum LoadState {
    /// The model is being loaded; calls wait for it.
    Loading,
    /// The model answers calls.
    Ready(Arc<Model>),
    /// The model could not be loaded, for this reason.
    Failed(String),
}

/// The outcome of earlier attempts.
#[derive(Default)]
struct LoadHistory {
    /// The version that the selector resolved to last.
    resolved: Option<ResolvedVersion>,
    /// The last version that could not be loaded.
    failed: Option<FailedVersion>,
    /// The last error that was logged, so that a repeated error is logged once.
    logged: Option<String>,
}

/// A version that could not be loaded, and when the slot retries it.
struct FailedVersion {
    resolved: ResolvedVersion,
    retryability: Retryability,
    backoff: Duration,
    retry_at: Instant,
}

impl FailedVersion {
    /// Records that `resolved` could not be loaded; doubles the backoff of `earlier` if it is the same version.
    fn new(resolved: ResolvedVersion, retryability: Retryability, earlier: Option<&Self>) -> Self {
        let earlier = earlier.filter(|earlier| earlier.resolved == resolved);
        let backoff = earlier.map_or(MIN_ALIAS_BACKOFF, |earlier| (earlier.backoff * 2).min(MAX_ALIAS_BACKOFF));
        Self { resolved, retryability, backoff, retry_at: Instant::now() + backoff }
    }
}

/// The trigger of a load.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoadTrigger {
    /// No version is loaded, and calls wait for one.
    Call,
    /// The periodic check of the alias.
    AliasPoll,
}

impl ModelSlot {
    /// A slot for a model that is not loaded yet.
    pub fn new(model: ModelName, version: VersionSelector) -> Self {
        let state = watch::Sender::new(LoadState::Loading);
        let (is_retrying, retry_requested, history) =
            (AtomicBool::new(false), Notify::new(), tokio::sync::Mutex::default());
        let retired = watch::Sender::new(false);
        Self { model, version, state, is_retrying, retry_requested, retired, history, last_failure: Mutex::default() }
    }

    /// Ends the task that loads the model, because the host has removed this slot.
    pub fn retire(&self) {
        self.retired.send_replace(true);
    }

    /// Waits until the slot is retired.
    pub async fn wait_until_retired(&self) {
        // The slot owns the sender, so the channel cannot close first.
        let _ = self.retired.subscribe().wait_for(|retired| *retired).await;
    }

    /// The model's name.
    pub fn name(&self) -> &ModelName {
        &self.model
    }

    /// The current state.
    pub fn state(&self) -> LoadState {
        self.state.borrow().clone()
    }

    /// The version that the alias points to but that could not be loaded, and why, while an earlier version answers.
    pub fn failed_update(&self) -> Option<String> {
        self.last_failure().failed_update.clone()
    }

    /// Waits until the state is no longer [`LoadState::Loading`].
    pub async fn wait_until_loaded(&self) -> LoadState {
        let mut state = self.state.subscribe();
        match state.wait_for(|state| !matches!(state, LoadState::Loading)).await {
            Ok(state) => state.clone(),
            Err(_) => self.state(),
        }
    }

    /// The model. Waits while it is loading, so that the first call of a cold start is slow but not refused. If loading
    /// failed but is retried, waits for the next attempt for a short time.
    ///
    /// # Errors
    /// [`ModelError::NotReady`] with the cause.
    pub async fn model(&self) -> Result<Arc<Model>, ModelError> {
        let not_ready = |reason: String, is_transient: bool| ModelError::NotReady {
            model: self.model.to_string(),
            reason,
            retry_after: is_transient.then_some(RETRY_AFTER),
        };
        // Fast path: the model is nearly always ready.
        if let LoadState::Ready(model) = &*self.state.borrow() {
            return Ok(Arc::clone(model));
        }
        let mut state = timeout(LOAD_WAIT, self.wait_until_loaded()).await.unwrap_or(LoadState::Loading);
        if matches!(state, LoadState::Failed(_)) && self.is_retrying.load(Ordering::Relaxed) {
            let mut next = self.state.subscribe();
            next.mark_unchanged();
            self.retry_requested.notify_one();
            let _ = timeout(RETRY_WAIT, next.changed()).await;
            state = self.state();
        }
        match state {
            LoadState::Ready(model) => Ok(model),
            LoadState::Failed(reason) => Err(not_ready(reason, self.last_failure().is_transient)),
            LoadState::Loading => Err(not_ready("it is still loading".to_owned(), true)),
        }
    }

    /// Loads the model; retries with exponential backoff while a retry can succeed. Calls wait through a first transient
    /// failure; after any other failure, they are answered with the cause.
    pub async fn load(&self, source: &ModelSource, tasks: &Tasks, config: &RuntimeConfig) {
        self.is_retrying.store(true, Ordering::Relaxed);
        let (mut pause, mut attempt) = (MIN_LOAD_BACKOFF, 1);
        loop {
            let begun = Instant::now();
            let Err(error) = self.refresh(source, tasks, config).await else { break };
            let took = begun.elapsed();
            tracing::error!(model = %self.model, attempt, %error, "the model could not be loaded");
            match error.retryability() {
                Retryability::Transient if attempt == 1 => {}
                Retryability::Transient | Retryability::AfterIntervention => self.record_failure(&error),
                Retryability::Permanent => {
                    self.is_retrying.store(false, Ordering::Relaxed);
                    return self.record_failure(&error);
                }
            }
            let ended = Instant::now();
            tokio::select! {
                () = sleep(pause) => {}
                // Calls cannot cause a large model to be fetched without a pause.
                () = self.retry_requested.notified() => sleep_until(ended + MIN_LOAD_BACKOFF.max(took).min(pause)).await,
            }
            (pause, attempt) = ((pause * 2).min(MAX_LOAD_BACKOFF), attempt + 1);
        }
        self.is_retrying.store(false, Ordering::Relaxed);
    }

    /// Checks every `period` whether the alias moved, and loads the version that it points to. If that version cannot be
    /// loaded, the earlier one keeps answering. Returns only if the selector is a fixed version.
    pub async fn follow_alias(&self, source: &ModelSource, tasks: &Tasks, config: &RuntimeConfig, period: Duration) {
        while let VersionSelector::Alias(_) = self.version {
            sleep(period).await;
            self.check_alias(source, tasks, config).await;
        }
    }

    /// Waits until a run of the loaded model does not end, and resets the state so that the model can be loaded again. Such a
    /// run keeps its thread and memory, so the process tolerates only `MAX_STUCK_RUNS` of them. Beyond that, the model stays not
    /// ready, so that a health check restarts the process.
    pub async fn wait_until_lost(&self) {
        let mut state = self.state.subscribe();
        loop {
            let model = match &*state.borrow_and_update() {
                LoadState::Ready(model) => Some(Arc::clone(model)),
                LoadState::Loading | LoadState::Failed(_) => None,
            };
            let lost = async {
                match &model {
                    Some(model) => model.wait_until_lost().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = lost => break,
                changed = state.changed() => if changed.is_err() { return std::future::pending().await },
            }
        }
        let mut is_logged = false;
        while stuck_runs() > MAX_STUCK_RUNS {
            if !is_logged {
                tracing::error!(model = %self.model, "too many runs do not end: restart the process");
                self.state.send_replace(LoadState::Failed("runs of it do not end".to_owned()));
                is_logged = true;
            }
            sleep(MIN_LOAD_BACKOFF).await;
        }
        tracing::error!(model = %self.model, "a run does not end: loading the model again");
        self.state.send_replace(LoadState::Loading);
    }

    /// Loads the version that the alias points to now, if another one is served and no load is in progress.
    pub async fn check_alias(&self, source: &ModelSource, tasks: &Tasks, config: &RuntimeConfig) {
        let Ok(mut history) = self.history.try_lock() else { return };
        if let Err(error) =
            self.load_catching_panics(source, tasks, config, (&mut history, LoadTrigger::AliasPoll)).await
        {
            let text = error.to_string();
            if history.logged.as_ref() != Some(&text) {
                tracing::error!(model = %self.model, %error, "the version behind the alias could not be loaded");
                history.logged = Some(text);
            }
            self.record_failure(&error);
            self.record_failed_update(history.resolved.as_ref(), &error);
        }
    }

    async fn refresh(&self, source: &ModelSource, tasks: &Tasks, config: &RuntimeConfig) -> Result<(), LoadError> {
        let mut history = self.history.lock().await;
        self.load_catching_panics(source, tasks, config, (&mut history, LoadTrigger::Call)).await
    }

    /// One attempt. The task is the model owner's code: if it panics, the attempt fails, and no call waits forever.
    async fn load_catching_panics(
        &self,
        source: &ModelSource,
        tasks: &Tasks,
        config: &RuntimeConfig,
        history: (&mut LoadHistory, LoadTrigger),
    ) -> Result<(), LoadError> {
        let attempt = AssertUnwindSafe(self.load_if_changed(source, tasks, config, history));
        attempt.catch_unwind().await.unwrap_or(Err(LoadError::Panicked))
    }

    async fn load_if_changed(
        &self,
        source: &ModelSource,
        tasks: &Tasks,
        config: &RuntimeConfig,
        (history, trigger): (&mut LoadHistory, LoadTrigger),
    ) -> Result<(), LoadError> {
        history.resolved = None;
        let resolved = resolve_selector(source, &self.model, &self.version).await?;
        history.resolved = Some(resolved.clone());
        let version = &resolved.version;
        if matches!(self.state(), LoadState::Ready(model) if model.version() == version && !model.is_lost()) {
            self.clear_failure(history);
            return Ok(());
        }
        let failed = history.failed.as_ref().filter(|failed| failed.resolved == resolved);
        if failed.is_some_and(|failed| match failed.retryability {
            Retryability::Permanent => true,
            Retryability::Transient | Retryability::AfterIntervention => {
                trigger == LoadTrigger::AliasPoll && Instant::now() < failed.retry_at
            }
        }) {
            return Ok(());
        }
        match load(source, &self.model, version, tasks, config).await {
            Ok(model) => {
                self.clear_failure(history);
                self.state.send_replace(LoadState::Ready(Arc::new(model)));
                Ok(())
            }
            Err(error) => {
                history.failed = Some(FailedVersion::new(resolved, error.retryability(), history.failed.as_ref()));
                Err(error)
            }
        }
    }

    /// Clears the recorded failures: the version that the selector resolves to is served.
    fn clear_failure(&self, history: &mut LoadHistory) {
        (history.failed, history.logged) = (None, None);
        self.last_failure().failed_update = None;
    }

    /// Records the version that could not be loaded, if an earlier one is served.
    fn record_failed_update(&self, resolved: Option<&ResolvedVersion>, error: &LoadError) {
        if let (VersionSelector::Alias(alias), LoadState::Ready(_)) = (&self.version, self.state()) {
            let cause = error.public();
            self.last_failure().failed_update = Some(match resolved {
                Some(ResolvedVersion { version, .. }) => {
                    format!("{alias} points to {version}, which could not be loaded: {cause}")
                }
                None => format!("{alias} could not be resolved: {cause}"),
            });
        }
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, LastFailure> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records why the model is not ready, unless an earlier version is.
    fn record_failure(&self, error: &LoadError) {
        self.last_failure().is_transient = error.retryability() == Retryability::Transient;
        self.state.send_if_modified(|state| {
            let failed = !matches!(state, LoadState::Ready(_));
            if failed {
                *state = LoadState::Failed(error.public());
            }
            failed
        });
    }
}

/// How long a call waits for its model. A cold start of a large model takes seconds; API Gateway times out after 29.
const LOAD_WAIT: Duration = Duration::from_secs(25);
/// How long a call waits for the next attempt at a model that failed.
const RETRY_WAIT: Duration = Duration::from_secs(3);
/// How many runs that do not end the process tolerates.
const MAX_STUCK_RUNS: usize = 1;
/// The `Retry-After` of a call that came before its model was ready.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);
/// The backoff after the first failure to load the version behind an alias.
const MIN_ALIAS_BACKOFF: Duration = Duration::from_secs(1);
/// The longest such backoff: each attempt fetches the model anew.
const MAX_ALIAS_BACKOFF: Duration = Duration::from_mins(1);
const MIN_LOAD_BACKOFF: Duration = Duration::from_millis(250);
const MAX_LOAD_BACKOFF: Duration = Duration::from_secs(10);
