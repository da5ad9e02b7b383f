//! Bodies of requests: read within bounds of size and time, expanded, and discarded after an early response.

mod expand;
mod linger;
mod read;
mod timeout;

pub(crate) use self::expand::{MAX_INLINE_EXPAND_BYTES, RequestCoding};
pub(crate) use self::linger::linger;
pub(crate) use self::read::{check_media_type, read_bounded, read_metered};
pub(crate) use self::timeout::with_timeout;
