//! Bodies of requests: read within bounds of size and time, expanded, and drained behind an early answer.

mod expand;
mod linger;
mod paced;
mod read;

pub(crate) use self::expand::{Coding, QUICK};
pub(crate) use self::linger::linger;
pub(crate) use self::paced::paced;
pub(crate) use self::read::{bounded, media_type, metered};
