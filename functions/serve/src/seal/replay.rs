//! Sealed calls that come a second time.
//!
//! Each sealed call has an encapsulated key of its own, however often the same is asked, so one that comes twice was
//! recorded and sent again. A function remembers those that it took for as long as their date could be taken.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

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

/// Remembers in this process: enough where there is one, and where nobody minds a replay after a restart.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    ids: HashSet<[u8; 32]>,
    /// In the order in which they came, which is that of their ends where all live equally long.
    ends: VecDeque<(Instant, [u8; 32])>,
}

#[async_trait]
impl Seen for Memory {
    async fn first(&self, id: &[u8; 32], ttl: Duration) -> Result<bool, Error> {
        let now = Instant::now();
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { ids, ends } = &mut *remembered;
        while let Some((_, id)) = ends.pop_front_if(|(end, _)| *end <= now) {
            ids.remove(&id);
        }
        if ids.contains(id) {
            return Ok(false);
        }
        // To forget one early would let it be replayed.
        if ids.len() >= MOST {
            return Err(Error::ReplaysUnavailable { internal: format!("{MOST} calls are remembered already") });
        }
        ids.insert(*id);
        ends.push_back((now + ttl, *id));
        Ok(true)
    }
}

/// How long a call is remembered: its date can be as far ahead of this clock as behind it, and clocks have whole seconds.
pub(super) const TTL: Duration = Duration::from_secs(2 * WINDOW + 2);
/// The most that are remembered, some 100 MB: 4,000 a second.
const MOST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_is_known_until_it_cannot_come_again() {
        let memory = Memory::default();
        assert!(memory.first(&[1; 32], TTL).await.expect("there is room"));
        tokio::time::advance(TTL / 2).await;
        assert!(memory.first(&[2; 32], TTL).await.expect("there is room"));
        assert!(!memory.first(&[1; 32], TTL).await.expect("there is room"));
        tokio::time::advance(TTL / 2).await;
        assert!(memory.first(&[1; 32], TTL).await.expect("there is room"), "its date is too old by now");
        assert!(!memory.first(&[2; 32], TTL).await.expect("there is room"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_memory_that_is_full_refuses() {
        let memory = Memory::default();
        let mut id = [0; 32];
        for number in 0..MOST as u64 {
            id[..8].copy_from_slice(&number.to_be_bytes());
            assert!(memory.first(&id, TTL).await.expect("there is room"));
        }
        assert!(matches!(memory.first(&[255; 32], TTL).await, Err(Error::ReplaysUnavailable { .. })));
        assert!(!memory.first(&id, TTL).await.expect("it is remembered"));
        tokio::time::advance(TTL).await;
        assert!(memory.first(&[255; 32], TTL).await.expect("there is room again"));
    }
}
