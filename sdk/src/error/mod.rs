//! The one error of this crate.
//!
//! Invariant: it holds neither credentials nor payload. The server's explanation is kept, because the server never echoes payload;
//! the credentials that were sent are removed from it (see `decode`). The cause of a connection error is a text of the operating
//! system or of TLS, without URLs (see `cause`).

pub(crate) mod cause;
mod duration;
mod error_type;
mod kind;

pub(crate) use duration::ReadableDuration;
pub use error_type::{BoxError, Error};
pub use kind::ErrorKind;
