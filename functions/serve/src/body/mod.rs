//! Bodies of requests: read within bounds of size and time, expanded, and drained behind an early answer.

mod expand;
mod linger;
mod read;
mod timeout;

pub(crate) use self::expand::{QUICK, RequestCoding};
pub(crate) use self::linger::linger;
pub(crate) use self::read::{bounded, media_type, metered};
pub(crate) use self::timeout::with_timeout;
