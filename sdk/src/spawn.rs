//! Cryptography on many bytes, on threads that may take their time.

/// Runs cryptography on `bytes` bytes where it does not keep other calls waiting.
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

/// Writing and sealing so many takes about 250 µs, and twice as much 500 µs, which is what a task may keep a thread for. Most of that
/// is memory that is touched for the first time; AES-GCM takes about 13 µs. SHA-256 of so many takes about 150 µs.
const MIN_SPAWNED_BYTES: usize = 1 << 18;
