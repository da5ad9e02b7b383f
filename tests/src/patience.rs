//! Waiting for conditions, with an end that is far enough for a slow machine and near enough for a person.

use std::time::{Duration, Instant};

/// What `future` gives, or a panic that says `what` did not come.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let value = tokio::time::timeout(PATIENCE, future).await.ok();
    value.unwrap_or_else(|| panic!("{what}: not within {} s", PATIENCE.as_secs()))
}

/// Asks `condition` again and again until it holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Longer than anything here takes on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(10);
