//! Bodies of requests: read within bounds of size and time, expanded, and discarded after an early response.

mod expand;
mod linger;
mod media_type;
mod multipart;
mod read;
mod timeout;

pub(crate) use self::expand::{MAX_INLINE_EXPAND_BYTES, RequestCoding};
pub(crate) use self::linger::linger;
pub(crate) use self::media_type::{AcceptedMedia, BodyMedia};
pub(crate) use self::multipart::read_multipart;
pub(crate) use self::read::{read_bounded, read_metered};
pub(crate) use self::timeout::with_timeout;
