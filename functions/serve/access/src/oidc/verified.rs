//! Tokens that were found good a moment ago, so that a caller's next call costs a hash and a look-up.
//!
//! Invariant: only tokens whose signature was found good get in, and each for [`KEPT`] at most, so a key that leaves the issuer's
//! list opens nothing for longer than that once the list was read.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Verified;
use super::claims::LEEWAY;
use amaas_wire::Digest;

/// Tokens by their digests. There are two generations, the younger of which takes the place of the older one when it is full.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    younger: HashMap<Digest, Entry>,
    older: HashMap<Digest, Entry>,
}

struct Entry {
    verified: Verified,
    /// In seconds since 1970 (UTC).
    until: u64,
}

impl Tokens {
    /// Whose token has this digest, where that is known at `now`.
    pub(super) fn find(&self, digest: &Digest, now: u64) -> Option<Verified> {
        let tokens = self.lock();
        let entry = tokens.younger.get(digest).or_else(|| tokens.older.get(digest))?;
        // A clock that was set back must not have kept it for longer.
        (now < entry.until && entry.until <= now + KEPT).then(|| entry.verified.clone())
    }

    /// Keeps what was found at `now`.
    pub(super) fn keep(&self, digest: Digest, verified: &Verified, now: u64) {
        let until = verified.expires.saturating_add(LEEWAY).min(now + KEPT);
        let mut tokens = self.lock();
        if tokens.younger.len() >= GENERATION {
            tokens.older = mem::take(&mut tokens.younger);
        }
        tokens.younger.insert(digest, Entry { verified: verified.clone(), until });
    }

    /// Forgets them all.
    pub(super) fn forget(&self) {
        *self.lock() = Generations::default();
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a token is not verified again, in seconds.
pub(super) const KEPT: u64 = 60;
/// Two generations of tokens with names of usual length are about 1 MB.
const GENERATION: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(expires: u64) -> Verified {
        Verified { tenant: "t".to_owned(), subject: "s".to_owned(), expires }
    }

    #[test]
    fn a_token_is_kept_for_a_minute_and_not_past_its_end() {
        let tokens = Tokens::default();
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
        let tokens = Tokens::default();
        let digest = |number: usize| Digest::of(&number.to_le_bytes());
        for number in 0..GENERATION * 5 {
            tokens.keep(digest(number), &verified(10_000), 1000);
            assert!(tokens.find(&digest(number.saturating_sub(GENERATION - 1)), 1000).is_some());
        }
        let kept = tokens.lock();
        assert!(kept.younger.len() + kept.older.len() <= 2 * GENERATION);
    }
}
