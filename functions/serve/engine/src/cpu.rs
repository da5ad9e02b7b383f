//! CPU work beside the runtime: as many jobs at once as there are cores, of which one tenant has half.
//!
//! A job waits for its turn as a future, so one whose caller has gone never starts. A job that gave its turn to others waits on its thread, so
//! jobs that have begun are bounded too, far below the threads for blocking work: no turn is ever held by a job that has no thread.
//! A long job gives its turn to the next one between two inputs ([`checkpoint`]), and ends there when its caller has gone. Jobs of no
//! tenant have turns of their own: what is opened or compressed does not wait for what tenants have decoded.
//!
//! Invariant: only who has a [`Working`] expands, decodes or tokenizes, and only an admitted call, or the process itself, has one.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use amaas_wire::Tensor;

use crate::error::InvalidInput;

/// Proof that CPU work may be done.
#[derive(Debug)]
pub struct Working(());

impl Working {
    /// For what the process does for itself: loading and publishing.
    pub fn of_the_process() -> Self {
        Self(())
    }

    /// For work of an admitted call that is so short that it is done where it comes in.
    pub fn at_once() -> Self {
        Self(())
    }

    /// Ends the work where its caller has gone; `done` units of it were done.
    #[allow(clippy::unused_self)] // who has none does no work
    pub fn go_on(&self, done: u64) -> Result<(), WorkError> {
        passed(done)
    }
}

/// Tells that another input was encoded, and ends the work where nobody waits for it any more.
///
/// A [`Task`](super::Task) whose inputs take a millisecond or more asks between them.
///
/// # Errors
/// The caller has gone; nobody will read the error.
pub fn checkpoint() -> Result<(), InvalidInput> {
    passed(1).map_err(InvalidInput::new)
}

/// How far the work of a call is.
#[derive(Debug, Default)]
pub struct Progress {
    begun: AtomicBool,
    /// Inputs, or tokens where those are counted.
    done: AtomicU64,
    gone: AtomicBool,
}

impl Progress {
    /// The units that were done, 1 at least; nothing where no work has begun.
    pub fn done(&self) -> Option<u64> {
        self.begun.load(Ordering::Relaxed).then(|| self.done.load(Ordering::Relaxed).max(1))
    }

    /// Nobody waits any more.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// The turns of a tenant.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Jobs that have begun and not ended.
    begun: Arc<Semaphore>,
    share: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Default for Lane {
    fn default() -> Self {
        Self::with_share((turns() / 2).max(1))
    }
}

impl Lane {
    /// Lanes of which each runs at most `turns` jobs at once.
    pub fn with_share(turns: usize) -> Self {
        let memory = Arc::new(Semaphore::new(MEMORY_MIB as usize / 2));
        let begun = Arc::new(Semaphore::new(MAX_BEGUN_OF_LANE as usize));
        Self { begun, share: Arc::new(Semaphore::new(turns)), memory }
    }

    /// Does `work` when its turn comes. It takes up to `memory` bytes beyond what it is given.
    pub async fn run<T: Send + 'static, E: From<WorkError> + Send + 'static>(
        &self,
        progress: Arc<Progress>,
        memory: usize,
        work: impl FnOnce(&Working) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let memory = u32::try_from(memory.div_ceil(1 << 20)).unwrap_or(u32::MAX).min(MEMORY_MIB / 2);
        let (share, own) = (Arc::clone(&self.share), Arc::clone(&self.memory));
        let wanted = Wanted(vec![(own, memory), (Arc::clone(&MEMORY), memory), (share, 1)]);
        let begun = Wanted(vec![(Arc::clone(&self.begun), 1), (Arc::clone(&BEGUN), 1)]);
        run(begun, wanted, Arc::clone(&TURNS), progress, move || work(&Working(()))).await
    }
}

/// Does `work` of no tenant when its turn comes.
async fn run_for_nobody<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let begun = Wanted(vec![(Arc::clone(&OTHER_BEGUN), 1)]);
    run(begun, Wanted(Vec::new()), Arc::clone(&OTHER_TURNS), Arc::default(), work).await
}

/// Runs `work` of no tenant that reads or writes `size` bytes of JSON: here where that is quick, on a thread for blocking work where it
/// is not. Work for a call takes turns in a [`Lane`].
pub async fn off_runtime<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    off_runtime_beyond(QUICK, size, work).await
}

/// The same, where only up to `quick` bytes are quick.
pub async fn off_runtime_beyond<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    quick: usize,
    size: usize,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    if size <= quick {
        return work();
    }
    run_for_nobody(work).await
}

/// How many bytes of JSON `tensors` become, roughly: a float of 4 bytes has some 12 digits.
pub fn json_size(tensors: &[Tensor]) -> usize {
    tensors.iter().map(|tensor| tensor.data().byte_size()).fold(0, usize::saturating_add).saturating_mul(3)
}

async fn run<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    begun: Wanted,
    wanted: Wanted,
    turns: Arc<Semaphore>,
    progress: Arc<Progress>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let wanted = Wanted(wanted.0.into_iter().chain([(turns, 1)]).collect());
    let begun = begun.take().await?;
    let held = wanted.take().await?;
    let job = Job { wanted, held, since: Instant::now(), progress, _begun: begun };
    let done = tokio::task::spawn_blocking(move || {
        job.progress.begun.store(true, Ordering::Relaxed);
        let _on_this_thread = OnThisThread::begin(job);
        work()
    });
    done.await.map_err(|error| WorkError::Failed(error.to_string()))?
}

/// What a turn consists of, always taken in this order.
#[derive(Debug)]
struct Wanted(Vec<(Arc<Semaphore>, u32)>);

impl Wanted {
    async fn take(&self) -> Result<Vec<OwnedSemaphorePermit>, WorkError> {
        let mut held = Vec::with_capacity(self.0.len());
        for (semaphore, permits) in self.0.iter().filter(|(_, permits)| *permits > 0) {
            let permit = Arc::clone(semaphore).acquire_many_owned(*permits).await;
            held.push(permit.map_err(|error| WorkError::Failed(error.to_string()))?);
        }
        Ok(held)
    }
}

/// What a thread is at.
struct Job {
    wanted: Wanted,
    held: Vec<OwnedSemaphorePermit>,
    since: Instant,
    progress: Arc<Progress>,
    /// Kept to the end, whoever has the turn.
    _begun: Vec<OwnedSemaphorePermit>,
}

impl Job {
    /// Lets others go first where they wait and the turn was long.
    fn take_turns(&mut self) {
        if self.since.elapsed() < LONGEST_TURN {
            return;
        }
        self.held.clear();
        match tokio::runtime::Handle::current().block_on(self.wanted.take()) {
            Ok(held) => (self.held, self.since) = (held, Instant::now()),
            // The semaphores are never closed.
            Err(error) => tracing::error!(%error, "a turn could not be taken"),
        }
    }
}

thread_local! {
    static JOB: RefCell<Option<Job>> = const { RefCell::new(None) };
}

/// Ends the job of this thread, however it ends.
struct OnThisThread;

impl OnThisThread {
    fn begin(job: Job) -> Self {
        JOB.with_borrow_mut(|at| *at = Some(job));
        Self
    }
}

impl Drop for OnThisThread {
    fn drop(&mut self) {
        drop(JOB.take());
    }
}

/// Why CPU work was not done. No caller reads it: either the caller has gone, or the process ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The caller has gone.
    #[error("the caller has gone")]
    CallerGone,
    /// The runtime is shutting down, or the work panicked.
    #[error("{0}")]
    Failed(String),
}

fn passed(done: u64) -> Result<(), WorkError> {
    JOB.with_borrow_mut(|job| {
        let Some(job) = job else { return Ok(()) };
        job.progress.done.fetch_add(done, Ordering::Relaxed);
        if job.progress.gone.load(Ordering::Relaxed) {
            return Err(WorkError::CallerGone);
        }
        job.take_turns();
        if job.progress.gone.load(Ordering::Relaxed) { Err(WorkError::CallerGone) } else { Ok(()) }
    })
}

fn turns() -> usize {
    std::thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2)
}

/// Reading and writing JSON runs at some 200 MB/s, so this is below 500 µs.
pub const QUICK: usize = 64 << 10;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(turns())));
static OTHER_TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(turns())));
static BEGUN: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_BEGUN)));
static OTHER_BEGUN: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_BEGUN)));
static MEMORY: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MEMORY_MIB as usize)));
/// Memory that all jobs may take beyond what they are given; one tenant has half.
const MEMORY_MIB: u32 = 256;
/// Jobs that may have begun at once, of tenants and of nobody each. Tokio has 512 threads for blocking work.
const MAX_BEGUN: usize = 128;
/// Those of one tenant.
const MAX_BEGUN_OF_LANE: u32 = 32;
/// For how long a job keeps its turn, in between two inputs.
const LONGEST_TURN: Duration = Duration::from_millis(25);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn sleep(milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    #[tokio::test]
    async fn a_tenant_has_its_share_and_no_more() {
        let (lane, now, most) = (Lane::with_share(2), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let jobs = (0..8).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let work = move |_: &Working| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(5);
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, WorkError>(())
            };
            let lane = &lane;
            async move { lane.run(Arc::default(), 0, work).await }
        });
        for done in futures_util::future::join_all(jobs).await {
            done.expect("done");
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn more_long_jobs_than_threads_all_end() {
        let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(160).enable_all().build();
        let ended = runtime.expect("a runtime").block_on(async {
            let lanes: Vec<_> = (0..8).map(|_| Lane::with_share(1)).collect();
            let job = |lane: &Lane| {
                let lane = lane.clone();
                tokio::spawn(async move {
                    let work = |_: &Working| {
                        for _ in 0..2 {
                            sleep(15);
                            passed(1)?;
                        }
                        Ok::<_, WorkError>(())
                    };
                    lane.run(Arc::default(), 0, work).await
                })
            };
            let jobs: Vec<_> = (0..320).map(|number| job(&lanes[number % lanes.len()])).collect();
            tokio::time::timeout(Duration::from_mins(1), futures_util::future::join_all(jobs)).await
        });
        assert!(ended.expect("none waits for ever").into_iter().all(|job| job.is_ok_and(|done| done.is_ok())));
    }

    #[tokio::test]
    async fn what_takes_much_memory_waits_for_its_like() {
        let lane = Lane::with_share(2);
        let large = (MEMORY_MIB as usize / 2) << 20;
        let (mark, at) = (Arc::<AtomicUsize>::default(), Instant::now());
        let job = || {
            let mark = Arc::clone(&mark);
            lane.run(Arc::default(), large, move |_| {
                assert_eq!(mark.fetch_add(1, Ordering::SeqCst), 0, "alone");
                sleep(20);
                mark.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, WorkError>(())
            })
        };
        let (one, other) = tokio::join!(job(), job());
        one.and(other).expect("done");
        assert!(at.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn who_leaves_in_the_queue_is_never_begun_and_who_leaves_later_ends_at_the_next_input() {
        let (lane, inputs) = (Lane::with_share(1), Arc::<AtomicUsize>::default());
        let (first, count) = (Arc::<Progress>::default(), Arc::clone(&inputs));
        let long = lane.run(Arc::clone(&first), 0, move |_| {
            for _ in 0..1000 {
                count.fetch_add(1, Ordering::SeqCst);
                sleep(2);
                passed(1)?;
            }
            Ok::<_, WorkError>(())
        });
        let behind = Arc::<Progress>::default();
        let begun = Arc::<AtomicBool>::default();
        let mark = Arc::clone(&begun);
        let never = lane.run(Arc::clone(&behind), 0, move |_| {
            mark.store(true, Ordering::SeqCst);
            Ok::<_, WorkError>(())
        });
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            first.leave();
        };
        let (long, never, ()) = tokio::join!(long, tokio::time::timeout(Duration::from_millis(5), never), leaving);
        never.expect_err("it waited behind the first until its caller left");
        assert_eq!(long.expect_err("it was left").to_string(), "the caller has gone");
        let done = inputs.load(Ordering::SeqCst);
        assert!(done < 1000, "{done}");
        assert_eq!(first.done(), Some(done as u64));
        assert!(behind.done().is_none() && !begun.load(Ordering::SeqCst), "it was begun");
    }

    #[tokio::test]
    async fn a_long_job_lets_a_short_one_go_first() {
        let (lane, ended) = (Lane::with_share(1), Arc::<AtomicBool>::default());
        let end = Arc::clone(&ended);
        let long = lane.run(Arc::default(), 0, move |_| {
            for _ in 0..200 {
                sleep(5);
                passed(1)?;
            }
            end.store(true, Ordering::SeqCst);
            Ok::<_, WorkError>(())
        });
        let short = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            lane.run(Arc::default(), 0, move |_| Ok::<_, WorkError>(ended.load(Ordering::SeqCst))).await
        };
        let (long, after) = tokio::join!(long, short);
        long.expect("done");
        assert!(!after.expect("done"), "it had to wait for all of the other");
    }
}
