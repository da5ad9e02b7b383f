//! Waits for conditions, with a deadline that suits a slow machine.

use std::time::{Duration, Instant};

/// The result of `future`, or a panic that names `what` after [`MAX_WAIT`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let value = tokio::time::timeout(MAX_WAIT, future).await.ok();
    value.unwrap_or_else(|| panic!("{what}: not within {} s", MAX_WAIT.as_secs()))
}

/// Polls `condition` until it holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < MAX_WAIT, "{what}: not within {} s", MAX_WAIT.as_secs());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Longer than any condition takes on a busy machine.
pub const MAX_WAIT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
