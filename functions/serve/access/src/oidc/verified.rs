//! An LRU cache of verified tokens, so that a client's next call costs a hash and a look-up.
//!
//! Invariant: only tokens with a valid signature are cached, each for [`MAX_AGE_SECONDS`] at most. A key that leaves the issuer's list is of no
//! use for longer than that once the list was read.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::VerifiedToken;
use super::claims::LEEWAY;
use amaas_wire::Digest;

/// Verified tokens by their digests.
pub(super) struct TokenCache(Mutex<LruCache<Digest, CachedToken>>);

struct CachedToken {
    verified: VerifiedToken,
    /// In seconds since 1970 (UTC).
    until: u64,
}

impl TokenCache {
    /// The claims of the token with this digest, if it was verified recently as of `now`.
    pub(super) fn find(&self, digest: &Digest, now: u64) -> Option<VerifiedToken> {
        let mut tokens = self.lock();
        let token = tokens.get(digest)?;
        // A clock that was set back does not keep a token for longer.
        (now < token.until && token.until <= now + MAX_AGE_SECONDS).then(|| token.verified.clone())
    }

    /// Caches a token that was verified at `now`.
    pub(super) fn keep(&self, digest: Digest, verified: &VerifiedToken, now: u64) {
        let until = verified.expires.saturating_add(LEEWAY).min(now + MAX_AGE_SECONDS);
        self.lock().put(digest, CachedToken { verified: verified.clone(), until });
    }

    /// Forgets all tokens.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Digest, CachedToken>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_TOKENS)))
    }
}

/// How long a token is not verified again, in seconds.
pub(super) const MAX_AGE_SECONDS: u64 = 60;
/// Bounds the cache: this many tokens with names of usual length take about 1 MB.
const MAX_TOKENS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(expires: u64) -> VerifiedToken {
        VerifiedToken { tenant: "t".to_owned(), subject: "s".to_owned(), expires }
    }

    #[test]
    fn a_token_is_kept_for_a_minute_and_not_past_its_end() {
        let tokens = TokenCache::default();
        let digest = Digest::of(b"x");
        for (expires, until) in [(10_000, 1060), (990, 1050), (950, 1010)] {
            tokens.keep(digest, &verified(expires), 1000);
            for (now, is_known) in [(1000, true), (until - 1, true), (until, false), (until + 1000, false)] {
                assert_eq!(tokens.find(&digest, now).is_some(), is_known, "{expires} {now}");
            }
        }
        tokens.keep(digest, &verified(10_000), 1000);
        assert_eq!(tokens.find(&digest, 900), None, "the clock was set back");
        tokens.forget();
        assert_eq!(tokens.find(&digest, 1000), None);
    }

    #[test]
    fn their_number_is_bounded_and_the_latest_are_there() {
        let tokens = TokenCache::default();
        let digest = |number: usize| Digest::of(&number.to_le_bytes());
        for number in 0..MAX_TOKENS.get() * 3 {
            tokens.keep(digest(number), &verified(10_000), 1000);
            assert!(tokens.find(&digest(number.saturating_sub(MAX_TOKENS.get() / 2 - 1)), 1000).is_some());
        }
        assert_eq!(tokens.lock().len(), MAX_TOKENS.get());
    }
}
