//! The same router under the Lambda Runtime API or as an HTTP server. One binary, every host.

mod connections;
mod descriptors;
mod event;
mod exchange;
mod http;
mod lambda;
mod principal;
mod transport;

pub use self::http::{Server, serve};
pub(crate) use self::lambda::{run as lambda, takes_snapshot};
