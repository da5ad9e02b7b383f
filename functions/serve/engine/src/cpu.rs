//! A fair scheduler for CPU work outside the async runtime: one job at a time for each core, at most half of them for
//! one tenant.
//!
//! A job waits for its turn as a future, so a cancelled one never starts. A started job that yields its turn waits on
//! its thread. So the number of started jobs is bounded, well below the number of blocking threads: a job with a turn
//! always has a thread. A long job yields between two inputs ([`checkpoint`]), and ends there if its caller is gone.
//! Jobs without a tenant have turns of their own: opening and compressing do not wait for tenants' decoding.
//!
//! Invariant: code needs a [`CpuPermit`] to expand, decode or tokenize, and only admitted calls and the process itself
//! get one.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use amaas_wire::Tensor;

use crate::error::InvalidInput;

/// Proof that the caller may do CPU work.
#[derive(Debug)]
pub struct CpuPermit(());

impl CpuPermit {
    /// For the process's own work: loading and publishing.
    pub fn for_process() -> Self {
        Self(())
    }

    /// For short work of an admitted call, which runs inline.
    pub fn for_inline_work() -> Self {
        Self(())
    }

    /// Records `done` more units of work. Fails if the caller is gone, which ends the work.
    #[allow(clippy::unused_self)] // the permit is the proof
    pub fn record_progress(&self, done: u64) -> Result<(), WorkError> {
        record_units(done)
    }
}

/// Records that another input was encoded, and ends the work if its caller is gone.
///
/// A task whose inputs take a millisecond or more calls it between two inputs.
///
/// # Errors
/// The caller is gone, so no client reads the error.
pub fn checkpoint() -> Result<(), InvalidInput> {
    record_units(1).map_err(InvalidInput::new)
}

/// The progress of a call's CPU work.
#[derive(Debug, Default)]
pub struct JobProgress {
    started: AtomicBool,
    /// Inputs, or tokens if the task counts those.
    done: AtomicU64,
    gone: AtomicBool,
}

impl JobProgress {
    /// The finished units, at least 1; `None` if no work has begun.
    pub fn done(&self) -> Option<u64> {
        self.started.load(Ordering::Relaxed).then(|| self.done.load(Ordering::Relaxed).max(1))
    }

    /// Records that the caller is gone.
    pub fn cancel(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// The share of CPU turns of one tenant.
#[derive(Clone, Debug)]
pub struct CpuLane {
    /// Permits for started jobs.
    started: Arc<Semaphore>,
    share: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Default for CpuLane {
    fn default() -> Self {
        Self::with_share((max_turns() / 2).max(1))
    }
}

impl CpuLane {
    /// A lane that runs at most `max_turns` jobs at once.
    pub fn with_share(max_turns: usize) -> Self {
        let memory = Arc::new(Semaphore::new(MEMORY_MIB as usize / 2));
        let started = Arc::new(Semaphore::new(MAX_STARTED_OF_LANE as usize));
        Self { started, share: Arc::new(Semaphore::new(max_turns)), memory }
    }

    /// Runs `work` when its turn comes. It may allocate up to `memory` bytes beyond its inputs.
    pub async fn run<T: Send + 'static, E: From<WorkError> + Send + 'static>(
        &self,
        progress: Arc<JobProgress>,
        memory: usize,
        work: impl FnOnce(&CpuPermit) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let memory = u32::try_from(memory.div_ceil(1 << 20)).unwrap_or(u32::MAX).min(MEMORY_MIB / 2);
        let (share, own) = (Arc::clone(&self.share), Arc::clone(&self.memory));
        let permits = PermitSet(vec![(own, memory), (Arc::clone(&MEMORY), memory), (share, 1)]);
        let started = PermitSet(vec![(Arc::clone(&self.started), 1), (Arc::clone(&STARTED), 1)]);
        run(started, permits, Arc::clone(&TURNS), progress, move || work(&CpuPermit(()))).await
    }
}

/// Runs `work` without a tenant when its turn comes.
async fn run_without_tenant<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let started = PermitSet(vec![(Arc::clone(&OTHER_STARTED), 1)]);
    run(started, PermitSet(Vec::new()), Arc::clone(&OTHER_TURNS), Arc::default(), work).await
}

/// Runs `work` that reads or writes `size` bytes of JSON without a tenant: inline if that is quick, on a blocking
/// thread if it is not. Work of a call takes turns in a [`CpuLane`].
pub async fn spawn_if_large<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    spawn_if_larger_than(MAX_INLINE_BYTES, size, work).await
}

/// [`spawn_if_large`] with another threshold for inline work.
pub async fn spawn_if_larger_than<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    max_inline_bytes: usize,
    size: usize,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    if size <= max_inline_bytes {
        return work();
    }
    run_without_tenant(work).await
}

/// The estimated size of `tensors` in JSON: a float of 4 bytes has some 12 digits.
pub fn estimated_json_size(tensors: &[Tensor]) -> usize {
    tensors.iter().map(|tensor| tensor.data().byte_size()).fold(0, usize::saturating_add).saturating_mul(3)
}

async fn run<T: Send + 'static, E: From<WorkError> + Send + 'static>(
    started: PermitSet,
    permits: PermitSet,
    max_turns: Arc<Semaphore>,
    progress: Arc<JobProgress>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let permits = PermitSet(permits.0.into_iter().chain([(max_turns, 1)]).collect());
    let started = started.take().await?;
    let held = permits.take().await?;
    let job = RunningJob { permits, held, since: Instant::now(), progress, _started: started };
    let done = tokio::task::spawn_blocking(move || {
        job.progress.started.store(true, Ordering::Relaxed);
        let _current_job = CurrentJob::begin(job);
        work()
    });
    done.await.map_err(|error| WorkError::Failed(error.to_string()))?
}

/// The permits of a turn, always acquired in this order.
#[derive(Debug)]
struct PermitSet(Vec<(Arc<Semaphore>, u32)>);

impl PermitSet {
    async fn take(&self) -> Result<Vec<OwnedSemaphorePermit>, WorkError> {
        let mut held = Vec::with_capacity(self.0.len());
        for (semaphore, count) in self.0.iter().filter(|(_, count)| *count > 0) {
            let permit = Arc::clone(semaphore).acquire_many_owned(*count).await;
            held.push(permit.map_err(|error| WorkError::Failed(error.to_string()))?);
        }
        Ok(held)
    }
}

/// The job of a thread.
struct RunningJob {
    permits: PermitSet,
    held: Vec<OwnedSemaphorePermit>,
    since: Instant,
    progress: Arc<JobProgress>,
    /// Held until the job ends, even while it yields its turn.
    _started: Vec<OwnedSemaphorePermit>,
}

impl RunningJob {
    /// Yields to waiting jobs if the turn was long.
    fn yield_turn(&mut self) {
        if self.since.elapsed() < MAX_TURN_TIME {
            return;
        }
        self.held.clear();
        match tokio::runtime::Handle::current().block_on(self.permits.take()) {
            Ok(held) => (self.held, self.since) = (held, Instant::now()),
            // The semaphores are never closed.
            Err(error) => tracing::error!(%error, "cannot take a CPU turn"),
        }
    }
}

thread_local! {
    static JOB: RefCell<Option<RunningJob>> = const { RefCell::new(None) };
}

/// Ends the job of this thread when it is dropped.
struct CurrentJob;

impl CurrentJob {
    fn begin(job: RunningJob) -> Self {
        JOB.with_borrow_mut(|at| *at = Some(job));
        Self
    }
}

impl Drop for CurrentJob {
    fn drop(&mut self) {
        drop(JOB.take());
    }
}

/// Why CPU work was not done. No caller reads it: the caller is gone, or the process is ending.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The caller is gone.
    #[error("the caller has gone")]
    CallerGone,
    /// The runtime is shutting down, or the work panicked.
    #[error("{0}")]
    Failed(String),
}

fn record_units(done: u64) -> Result<(), WorkError> {
    JOB.with_borrow_mut(|job| {
        let Some(job) = job else { return Ok(()) };
        job.progress.done.fetch_add(done, Ordering::Relaxed);
        if job.progress.gone.load(Ordering::Relaxed) {
            return Err(WorkError::CallerGone);
        }
        job.yield_turn();
        if job.progress.gone.load(Ordering::Relaxed) { Err(WorkError::CallerGone) } else { Ok(()) }
    })
}

fn max_turns() -> usize {
    std::thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2)
}

/// The largest JSON that is read or written inline. At some 200 MB/s that takes less than 500 µs.
pub const MAX_INLINE_BYTES: usize = 64 << 10;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(max_turns())));
static OTHER_TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(max_turns())));
static STARTED: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_STARTED)));
static OTHER_STARTED: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_STARTED)));
static MEMORY: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MEMORY_MIB as usize)));
/// Memory of all jobs beyond their inputs; one tenant may have half of it.
const MEMORY_MIB: u32 = 256;
/// Started jobs at once: this many of tenants, and this many without a tenant. Tokio has 512 blocking threads.
const MAX_STARTED: usize = 128;
/// Started jobs of one tenant.
const MAX_STARTED_OF_LANE: u32 = 32;
/// The longest time before a job yields its turn, between two inputs.
const MAX_TURN_TIME: Duration = Duration::from_millis(25);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn sleep(milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    #[tokio::test]
    async fn a_tenant_has_its_share_and_no_more() {
        let (lane, now, most) = (CpuLane::with_share(2), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let jobs = (0..8).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let work = move |_: &CpuPermit| {
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
            let lanes: Vec<_> = (0..8).map(|_| CpuLane::with_share(1)).collect();
            let job = |lane: &CpuLane| {
                let lane = lane.clone();
                tokio::spawn(async move {
                    let work = |_: &CpuPermit| {
                        for _ in 0..2 {
                            sleep(15);
                            record_units(1)?;
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
        let lane = CpuLane::with_share(2);
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
    async fn who_leaves_in_the_queue_is_never_started_and_who_leaves_later_ends_at_the_next_input() {
        let (lane, inputs) = (CpuLane::with_share(1), Arc::<AtomicUsize>::default());
        let (first, count) = (Arc::<JobProgress>::default(), Arc::clone(&inputs));
        let long = lane.run(Arc::clone(&first), 0, move |_| {
            for _ in 0..1000 {
                count.fetch_add(1, Ordering::SeqCst);
                sleep(2);
                record_units(1)?;
            }
            Ok::<_, WorkError>(())
        });
        let behind = Arc::<JobProgress>::default();
        let started = Arc::<AtomicBool>::default();
        let mark = Arc::clone(&started);
        let never = lane.run(Arc::clone(&behind), 0, move |_| {
            mark.store(true, Ordering::SeqCst);
            Ok::<_, WorkError>(())
        });
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            first.cancel();
        };
        let (long, never, ()) = tokio::join!(long, tokio::time::timeout(Duration::from_millis(5), never), leaving);
        never.expect_err("it waited behind the first until its caller left");
        assert_eq!(long.expect_err("it was left").to_string(), "the caller has gone");
        let done = inputs.load(Ordering::SeqCst);
        assert!(done < 1000, "{done}");
        assert_eq!(first.done(), Some(done as u64));
        assert!(behind.done().is_none() && !started.load(Ordering::SeqCst), "it was begun");
    }

    #[tokio::test]
    async fn a_long_job_lets_a_short_one_go_first() {
        let (lane, ended) = (CpuLane::with_share(1), Arc::<AtomicBool>::default());
        let end = Arc::clone(&ended);
        let long = lane.run(Arc::default(), 0, move |_| {
            for _ in 0..200 {
                sleep(5);
                record_units(1)?;
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
