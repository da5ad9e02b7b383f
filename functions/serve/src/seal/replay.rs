//! Sealed calls that come a second time.
//!
//! Each sealed call has an encapsulated key of its own, however often the same is asked, so one that comes twice was
//! recorded and sent again. A function remembers those that it took for as long as their date could be taken.

use std::time::Duration;

use async_trait::async_trait;

use super::date::WINDOW;
use crate::error::Error;

/// Remembers what has been seen.
#[async_trait]
pub trait Seen: Send + Sync {
    /// Whether `id` is seen for the first time, and remembers it for `ttl` at least.
    ///
    /// # Errors
    /// When that cannot be told; the call is refused then.
    async fn first(&self, id: &[u8; 32], ttl: Duration) -> Result<bool, Error>;
}

/// How long a call is remembered: its date can be as far ahead of this clock as behind it, and clocks have whole seconds.
pub(super) const TTL: Duration = Duration::from_secs(2 * WINDOW + 2);
