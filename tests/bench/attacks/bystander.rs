//! A client that is not part of the attack.

use std::future::Future;
use std::time::{Duration, Instant};

/// Latencies of calls, sorted.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// The latencies of at least one call.
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        assert!(!all.is_empty(), "the bystander made no call");
        all.sort_unstable();
        Self(all)
    }

    /// The 99th percentile, by nearest rank.
    pub(crate) fn p99(&self) -> Duration {
        self.0[(self.0.len() * 99).div_ceil(100) - 1]
    }

    /// The number of calls.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Makes `call` repeatedly, one after another with a pause between them, until `end` is done.
pub(crate) async fn call_until<C>(mut call: impl FnMut() -> C, end: impl Future<Output = ()>) -> Vec<Duration>
where
    C: Future<Output = ()>,
{
    let (mut all, mut end) = (Vec::new(), std::pin::pin!(end));
    loop {
        let begun = Instant::now();
        call().await;
        all.push(begun.elapsed());
        tokio::select! {
            biased;
            () = &mut end => return all,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// The pause between two calls: the bystander is no load.
const PAUSE: Duration = Duration::from_millis(2);
