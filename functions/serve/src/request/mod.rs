//! Bytes in, proof in a type at each step: a [`Caller`] is whoever has a valid key, an [`Admission`] lets CPU work be done for a call,
//! [`Valid`] tensors are what the model takes. [`once`] has a call with an idempotency key run once, and a [`Call`] takes
//! what it needs of its caller's limits and is counted when it is answered.

mod authorise;
mod call;
mod raw;
mod rehearsal;

pub(crate) use self::authorise::Caller;
pub(crate) use self::call::{Call, CallId, Running};
pub(crate) use self::raw::raw;
pub use self::rehearsal::rehearse;
