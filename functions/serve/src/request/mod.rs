//! Bytes in, proof in a type at each step: a [`Caller`] is whoever has a valid key, [`Valid`] tensors are what the model
//! takes. [`once`] has a call with an idempotency key run once.

mod authorise;
mod expand;
mod linger;
mod once;
mod paced;
mod raw;
mod read;
mod validate;

pub(crate) use self::authorise::Caller;
pub(crate) use self::linger::linger;
pub(crate) use self::once::{Answers, once};
pub(crate) use self::paced::paced;
pub(crate) use self::raw::raw;
pub(crate) use self::read::{bounded, read};
pub(crate) use self::validate::{Takes, Valid};
