//! What is kept of calls from one to the next: for now the answers that are given again to a repeat, in the memory of this process.
//!
//! The ledger sees neither tenants nor keys nor answers: it is given digests that only this process can make, and ciphertext.

mod memory;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::memory::{Memory, Place};

/// How a call with an idempotency key begins.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is the first: it has the place until the place is dropped, and nobody else runs meanwhile.
    First(Place),
    /// Another is under way; done when that one has ended.
    Running(tokio::sync::watch::Receiver<()>),
    /// It was answered before.
    Answered(Bytes),
    /// The key was used for another call.
    OtherCall,
}

/// How long an answer is kept.
pub(crate) const KEPT: Duration = Duration::from_hours(24);
