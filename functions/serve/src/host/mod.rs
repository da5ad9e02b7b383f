//! Hosts of the router: the Lambda Runtime API and an HTTP server, in one binary.

#[cfg(feature = "http")]
mod connections;
#[cfg(feature = "http")]
mod descriptors;
#[cfg(feature = "lambda")]
mod event;
#[cfg(feature = "http")]
mod exchange;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "lambda")]
mod lambda;
#[cfg(feature = "lambda")]
mod principal;
#[cfg(feature = "http")]
mod transport;

#[cfg(feature = "http")]
pub use self::http::{Server, serve};
#[cfg(feature = "lambda")]
pub(crate) use self::lambda::run as lambda;
