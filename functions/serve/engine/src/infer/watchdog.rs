//! The watchdog: a deadline for each run of a network, kept by one thread for the whole process.
//!
//! A run that passes its deadline is asked to stop. ONNX Runtime looks for that between two operators, so a run inside of one long
//! operator does not: after [`GRACE`] the run counts as stuck, and what it belongs to is told, which goes on without that thread.
//!
//! The thread sleeps until the first deadline, and a run that begins and ends before it costs two locks and no wake-up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Stop;

/// The deadline of the run that holds it. Dropped, the run is over.
pub struct Deadline {
    dog: &'static Watchdog,
    number: u64,
    limit: Duration,
}

impl Deadline {
    /// A run begins, which `stop` ends if it takes longer than `limit`.
    pub fn begin(stop: Arc<dyn Stop>, limit: Duration) -> Self {
        let dog = watchdog();
        let limit = limit.min(until_host_ends().unwrap_or(limit));
        Self { number: dog.begin(stop, limit), dog, limit }
    }

    /// How long the run was allowed to take, if it took longer.
    pub fn passed(&self) -> Option<Duration> {
        let state = self.dog.lock();
        let is_asked = state.runs.get(&self.number).is_some_and(|run| run.phase != Phase::Running);
        is_asked.then_some(self.limit)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(run) = self.dog.lock().runs.remove(&self.number)
            && run.phase == Phase::Stuck
        {
            STUCK.fetch_sub(1, Ordering::Relaxed);
            tracing::warn!("a run that was given up has ended after all");
        }
    }
}

/// How many runs do not end although they were asked to.
pub fn stuck() -> usize {
    STUCK.load(Ordering::Relaxed)
}

/// No run goes on after `end`: the host's own time for the call is up then. A host that has several calls gives the last one.
pub fn host_ends(end: SystemTime) {
    let milliseconds = end.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    HOST_ENDS.fetch_max(u64::try_from(milliseconds).unwrap_or_default(), Ordering::Relaxed);
}

/// The time that is left, less what it takes to say so; `None` where the host sets none.
fn until_host_ends() -> Option<Duration> {
    let end = HOST_ENDS.load(Ordering::Relaxed);
    let end = (end > 0).then(|| UNIX_EPOCH + Duration::from_millis(end))?;
    // One that has passed was of another call.
    let left = end.duration_since(SystemTime::now()).ok()?;
    Some(left.saturating_sub(BEFORE_HOST_ENDS).max(BEFORE_HOST_ENDS / 2))
}

struct Watchdog {
    state: Mutex<State>,
    earlier: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order in which they began.
    runs: BTreeMap<u64, Run>,
    next: u64,
    /// When the thread wakes; `None` while it waits for a run.
    wakes: Option<Instant>,
}

struct Run {
    stop: Arc<dyn Stop>,
    /// When the next thing happens to it.
    due: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// It was asked to stop.
    Asked,
    Stuck,
}

impl Watchdog {
    fn begin(&self, stop: Arc<dyn Stop>, limit: Duration) -> u64 {
        let mut state = self.lock();
        let (number, due) = (state.next, Instant::now() + limit.min(FOREVER));
        state.next += 1;
        state.runs.insert(number, Run { stop, due, phase: Phase::Running });
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
                    Phase::Running => (Phase::Asked, now + GRACE),
                    Phase::Asked | Phase::Stuck => (Phase::Stuck, now + FOREVER),
                };
                due.push((Arc::clone(&run.stop), run.phase));
            }
            if due.is_empty() {
                let first = state.runs.values().map(|run| run.due).min();
                // With no run at all it stays awake for a while, so that not each of some short ones has to wake it.
                let idle = first.is_none() && state.wakes.is_some_and(|wakes| wakes <= now);
                state.wakes = if idle { None } else { Some(first.unwrap_or(now + LINGER)) };
                state = match state.wakes {
                    Some(wakes) => {
                        let woken = self.earlier.wait_timeout(state, wakes.saturating_duration_since(now));
                        woken.unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            }
            STUCK.fetch_add(due.iter().filter(|(_, phase)| *phase == Phase::Stuck).count(), Ordering::Relaxed);
            drop(state);
            for (stop, phase) in due {
                match phase {
                    Phase::Running | Phase::Asked => stop.stop(),
                    Phase::Stuck => {
                        tracing::error!("a run does not end although it was asked to; it is given up");
                        stop.give_up();
                    }
                }
            }
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watchdog() -> &'static Watchdog {
    static DOG: Watchdog =
        Watchdog { state: Mutex::new(State { runs: BTreeMap::new(), next: 0, wakes: None }), earlier: Condvar::new() };
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        if let Err(error) = Builder::new().name("watchdog".to_owned()).spawn(|| DOG.watch()) {
            tracing::error!(%error, "there is no thread for the watchdog: runs have no deadline");
        }
    });
    &DOG
}

static STUCK: AtomicUsize = AtomicUsize::new(0);
/// Milliseconds since 1970; 0 where the host sets none.
static HOST_ENDS: AtomicU64 = AtomicU64::new(0);

/// How long a run may take to stop once it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How long before its host's end a run is ended, so that there is time to say so.
const BEFORE_HOST_ENDS: Duration = Duration::from_millis(500);
const LINGER: Duration = Duration::from_secs(1);
/// An `Instant` takes so much more.
const FOREVER: Duration = Duration::from_secs(1 << 30);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Tells what is asked of its run.
    struct Asked(Mutex<Sender<&'static str>>);

    impl Stop for Asked {
        fn stop(&self) {
            let _ = self.0.lock().expect("not poisoned").send("stop");
        }

        fn give_up(&self) {
            let _ = self.0.lock().expect("not poisoned").send("give up");
        }
    }

    fn run(limit: Duration) -> (Deadline, Receiver<&'static str>) {
        let (asked, heard) = channel();
        (Deadline::begin(Arc::new(Asked(Mutex::new(asked))), limit), heard)
    }

    #[test]
    fn a_run_past_its_deadline_is_asked_to_stop_and_one_that_does_not_is_given_up() {
        let (long, nothing) = run(Duration::from_mins(10));
        let limit = Duration::from_millis(20);
        let begun = Instant::now();
        let (short, heard) = run(limit);
        assert_eq!(short.passed(), None);
        assert_eq!(heard.recv_timeout(GRACE), Ok("stop"), "the thread slept for the longer one");
        assert!(begun.elapsed() >= limit && begun.elapsed() < GRACE);
        assert_eq!((short.passed(), long.passed()), (Some(limit), None));
        assert_eq!(heard.recv_timeout(GRACE * 2), Ok("give up"));
        assert!(begun.elapsed() >= limit + GRACE);
        assert!(stuck() >= 1);
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
