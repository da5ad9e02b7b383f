//! Counts and times of a model's calls since it was loaded, for `GET /v2/models/{model}/stats`.
//!
//! A cancelled call counts only in `queue`, if its run had begun. Each number is exact, but two numbers read during
//! calls may be of different moments.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use amaas_wire::oip::triton;

#[derive(Default)]
pub(super) struct CallStats {
    /// Calls that succeeded and failed, timed from their arrival.
    success: DurationSum,
    fail: DurationSum,
    /// Time in the queue.
    queue: DurationSum,
    /// Time in a run, counted fully for each call of a batch.
    infer: DurationSum,
    rows: AtomicU64,
    runs: AtomicU64,
    /// Milliseconds since 1970.
    last: AtomicU64,
}

impl CallStats {
    /// Records the end of a call of `rows` rows after `time`.
    pub(super) fn record_end(&self, success: bool, rows: usize, time: Duration) {
        if !success {
            return self.fail.add(1, time);
        }
        self.success.add(1, time);
        add(&self.rows, rows as u64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.last.fetch_max(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Records that a call left the queue after `time`.
    pub(super) fn record_dequeue(&self, time: Duration) {
        self.queue.add(1, time);
    }

    /// Records a successful run of `calls` calls that took `time`.
    pub(super) fn record_run(&self, calls: usize, time: Duration) {
        add(&self.runs, 1);
        self.infer.add(calls as u64, time);
    }

    /// The statistics under the given `name` and `version`.
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
struct DurationSum {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl DurationSum {
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
