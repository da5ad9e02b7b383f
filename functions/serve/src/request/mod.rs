//! Bytes in, proof in a type at each step: a [`Caller`] is whoever has a valid key, an [`Admission`] lets CPU work be done for a call,
//! [`Valid`] tensors are what the model takes. [`once`] has a call with an idempotency key run once, and a [`Call`] takes
//! what it needs of its caller's limits and is counted when it is answered.

mod admit;
mod authorise;
mod call;
mod expand;
mod linger;
mod once;
mod paced;
mod raw;
mod read;
mod rehearsal;

pub(crate) use self::admit::{Admission, Gate};
pub(crate) use self::authorise::Caller;
pub(crate) use self::call::{Call, CallId, CameSealed, LIMIT, REMAINING, RESET, Running};
pub(crate) use self::linger::linger;
pub(crate) use self::once::{Answers, NamedModel, once, runs_once};
pub(crate) use self::paced::paced;
pub(crate) use self::raw::raw;
pub(crate) use self::read::{bounded, metered};
pub use self::rehearsal::rehearse;
