//! Bytes in, proof in a type at each step: a [`Caller`] is whoever has a valid key, [`Valid`] tensors are what the model
//! takes. `open` (sealed bodies) will stand before all of them, around the router.

mod authorise;
mod linger;
mod read;
mod validate;

pub(crate) use self::authorise::Caller;
pub(crate) use self::linger::linger;
pub(crate) use self::read::{bounded, read};
pub(crate) use self::validate::Valid;
