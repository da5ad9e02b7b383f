//! What happened to a model's calls since it was loaded: counts and times, for `GET /v2/models/{model}/stats`.
//!
//! A call whose caller hung up is in none of them but `queue`, if a run had begun. Each number is exact, but two that are read
//! while calls come need not be of the same moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use amaas_wire::oip::triton;

#[derive(Default)]
pub(super) struct Stats {
    /// Calls that were answered, and those that were not, from their arrival in the queue.
    success: Timed,
    fail: Timed,
    /// From the queue to a run.
    queue: Timed,
    /// In a run; calls that share one have all of it.
    infer: Timed,
    rows: AtomicU64,
    runs: AtomicU64,
    /// Milliseconds since 1970.
    last: AtomicU64,
}

impl Stats {
    /// A call of `rows` rows ended after `time`.
    pub(super) fn ended(&self, success: bool, rows: usize, time: Duration) {
        if !success {
            return self.fail.add(1, time);
        }
        self.success.add(1, time);
        add(&self.rows, rows as u64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.last.fetch_max(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A call left the queue after `time`.
    pub(super) fn left_queue(&self, time: Duration) {
        self.queue.add(1, time);
    }

    /// A run of `calls` calls gave outputs after `time`.
    pub(super) fn ran(&self, calls: usize, time: Duration) {
        add(&self.runs, 1);
        self.infer.add(calls as u64, time);
    }

    /// The numbers under the name `name` and the version `version`.
    pub(super) fn statistics(&self, name: String, version: String) -> triton::ModelStatistics {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        triton::ModelStatistics {
            name,
            version,
            last_inference: read(&self.last),
            inference_count: read(&self.rows),
            execution_count: read(&self.runs),
            inference_stats: triton::InferenceStatistics {
                success: self.success.read(),
                fail: self.fail.read(),
                queue: self.queue.read(),
                compute_infer: self.infer.read(),
                ..triton::InferenceStatistics::default()
            },
            batch_stats: Vec::new(),
        }
    }
}

#[derive(Default)]
struct Timed {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Timed {
    fn add(&self, count: u64, each: Duration) {
        add(&self.count, count);
        add(&self.nanoseconds, u64::try_from(each.as_nanos()).unwrap_or(u64::MAX).saturating_mul(count));
    }

    fn read(&self) -> triton::StatisticDuration {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        triton::StatisticDuration { count: read(&self.count), ns: read(&self.nanoseconds) }
    }
}

fn add(number: &AtomicU64, more: u64) {
    number.fetch_add(more, Ordering::Relaxed);
}
