//! Moves long cryptography off the runtime.

/// Runs `work` on `bytes` bytes: on a blocking thread if they are many, so that other calls do not wait.
pub(crate) async fn spawn_if_large<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes < MIN_SPAWNED_BYTES {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down, and this call with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The least number of bytes for a blocking thread. Writing and sealing that many takes about 250 µs, half of the 500 µs that a task
/// may block. Most of that is first-touch memory; AES-GCM takes about 13 µs, SHA-256 about 150 µs.
const MIN_SPAWNED_BYTES: usize = 1 << 18;
