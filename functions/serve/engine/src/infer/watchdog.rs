//! A watchdog thread for the whole process, which holds each run of a network to its deadline.
//!
//! A run that passes its deadline is asked to stop. ONNX Runtime checks for that between two operators, so a run inside
//! one long operator goes on. After [`STOP_GRACE`] such a run counts as stuck, and its network is given up.
//!
//! The thread sleeps until the first deadline. A run that ends before it costs two locks and no wake-up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::StopRun;

/// The deadline of one run. Dropping it says that the run has ended.
pub struct RunDeadline {
    watchdog: &'static Watchdog,
    number: u64,
    limit: Duration,
}

impl RunDeadline {
    /// Begins a run, which `stop` ends if it takes longer than `limit`.
    pub fn begin(stop: Arc<dyn StopRun>, limit: Duration) -> Self {
        let watchdog = instance();
        let limit = limit.min(time_until_host_end().unwrap_or(limit));
        Self { number: watchdog.begin(stop, limit), watchdog, limit }
    }

    /// The run's time limit, if the run has exceeded it.
    pub fn exceeded_limit(&self) -> Option<Duration> {
        let state = self.watchdog.lock();
        let is_asked = state.runs.get(&self.number).is_some_and(|run| run.phase != RunPhase::Running);
        is_asked.then_some(self.limit)
    }
}

impl Drop for RunDeadline {
    fn drop(&mut self) {
        if let Some(run) = self.watchdog.lock().runs.remove(&self.number)
            && run.phase == RunPhase::Stuck
        {
            STUCK_RUNS.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!("stuck run ended");
        }
    }
}

/// The number of runs that do not end although they were asked to.
pub fn stuck_runs() -> usize {
    STUCK_RUNS.load(Ordering::Relaxed)
}

/// Sets the time at which the host ends the current call, and with it each run. The latest of several calls counts.
pub fn set_host_deadline(end: SystemTime) {
    let milliseconds = end.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    HOST_DEADLINE.fetch_max(u64::try_from(milliseconds).unwrap_or_default(), Ordering::Relaxed);
}

/// The time until the host's end, less the time to answer. `None` if the host sets no end.
fn time_until_host_end() -> Option<Duration> {
    let end = HOST_DEADLINE.load(Ordering::Relaxed);
    let end = (end > 0).then(|| UNIX_EPOCH + Duration::from_millis(end))?;
    // An end in the past belongs to an earlier call.
    let left = end.duration_since(SystemTime::now()).ok()?;
    Some(left.saturating_sub(ANSWER_RESERVE).max(ANSWER_RESERVE / 2))
}

struct Watchdog {
    state: Mutex<WatchdogState>,
    earlier: Condvar,
}

#[derive(Default)]
struct WatchdogState {
    /// By their order of beginning.
    runs: BTreeMap<u64, WatchedRun>,
    next: u64,
    /// The next wake-up; `None` while the thread waits for a run.
    wakes: Option<Instant>,
}

struct WatchedRun {
    stop: Arc<dyn StopRun>,
    /// The time of its next phase.
    due: Instant,
    phase: RunPhase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunPhase {
    Running,
    /// The run was asked to stop.
    Asked,
    Stuck,
}

impl Watchdog {
    fn begin(&self, stop: Arc<dyn StopRun>, limit: Duration) -> u64 {
        let mut state = self.lock();
        let (number, due) = (state.next, Instant::now() + limit.min(MAX_DURATION));
        state.next += 1;
        state.runs.insert(number, WatchedRun { stop, due, phase: RunPhase::Running });
        if state.wakes.is_none_or(|wakes| due < wakes) {
            self.earlier.notify_one();
        }
        number
    }

    fn watch(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            for run in state.runs.values_mut().filter(|run| run.due <= now) {
                (run.phase, run.due) = match run.phase {
                    RunPhase::Running => (RunPhase::Asked, now + STOP_GRACE),
                    RunPhase::Asked | RunPhase::Stuck => (RunPhase::Stuck, now + MAX_DURATION),
                };
                due.push((Arc::clone(&run.stop), run.phase));
            }
            if due.is_empty() {
                let first = state.runs.values().map(|run| run.due).min();
                // Without a run the thread stays awake for a while, so that short runs do not have to wake it each
                // time.
                let idle = first.is_none() && state.wakes.is_some_and(|wakes| wakes <= now);
                state.wakes = if idle { None } else { Some(first.unwrap_or(now + IDLE_TIME)) };
                state = match state.wakes {
                    Some(wakes) => {
                        let woken = self.earlier.wait_timeout(state, wakes.saturating_duration_since(now));
                        woken.unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            }
            STUCK_RUNS.fetch_add(due.iter().filter(|(_, phase)| *phase == RunPhase::Stuck).count(), Ordering::Relaxed);
            drop(state);
            for (stop, phase) in due {
                match phase {
                    RunPhase::Running | RunPhase::Asked => stop.stop(),
                    RunPhase::Stuck => {
                        tracing::error!("run does not stop; network given up");
                        stop.give_up();
                    }
                }
            }
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, WatchdogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn instance() -> &'static Watchdog {
    static WATCHDOG: Watchdog = Watchdog {
        state: Mutex::new(WatchdogState { runs: BTreeMap::new(), next: 0, wakes: None }),
        earlier: Condvar::new(),
    };
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        if let Err(error) = Builder::new().name("watchdog".to_owned()).spawn(|| WATCHDOG.watch()) {
            tracing::error!(%error, "cannot start watchdog thread; runs have no deadline");
        }
    });
    &WATCHDOG
}

static STUCK_RUNS: AtomicUsize = AtomicUsize::new(0);
/// Milliseconds since 1970; 0 if the host sets none.
static HOST_DEADLINE: AtomicU64 = AtomicU64::new(0);

/// The time from the stop request until a run counts as stuck.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// The time that is reserved for the answer before the host's end.
const ANSWER_RESERVE: Duration = Duration::from_millis(500);
const IDLE_TIME: Duration = Duration::from_secs(1);
/// Small enough that adding it to an `Instant` cannot overflow.
const MAX_DURATION: Duration = Duration::from_secs(1 << 30);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Records the requests to its run.
    struct Asked(Mutex<Sender<&'static str>>);

    impl StopRun for Asked {
        fn stop(&self) {
            let _ = self.0.lock().expect("not poisoned").send("stop");
        }

        fn give_up(&self) {
            let _ = self.0.lock().expect("not poisoned").send("give up");
        }
    }

    fn run(limit: Duration) -> (RunDeadline, Receiver<&'static str>) {
        let (asked, heard) = channel();
        (RunDeadline::begin(Arc::new(Asked(Mutex::new(asked))), limit), heard)
    }

    #[test]
    fn a_run_past_its_deadline_is_asked_to_stop_and_one_that_does_not_is_given_up() {
        let (long, nothing) = run(Duration::from_mins(10));
        let limit = Duration::from_millis(20);
        let begun = Instant::now();
        let (short, heard) = run(limit);
        assert_eq!(short.exceeded_limit(), None);
        assert_eq!(heard.recv_timeout(STOP_GRACE), Ok("stop"), "the thread slept for the longer one");
        assert!(begun.elapsed() >= limit && begun.elapsed() < STOP_GRACE);
        assert_eq!((short.exceeded_limit(), long.exceeded_limit()), (Some(limit), None));
        assert_eq!(heard.recv_timeout(STOP_GRACE * 2), Ok("give up"));
        assert!(begun.elapsed() >= limit + STOP_GRACE);
        assert!(stuck_runs() >= 1);
        drop(short);
        drop(long);
        assert!(nothing.try_iter().next().is_none());
    }

    #[test]
    fn a_run_that_is_over_is_left_alone() {
        let (ends, heard) = run(Duration::from_millis(20));
        drop(ends);
        assert!(heard.recv_timeout(Duration::from_millis(200)).is_err());
    }
}
