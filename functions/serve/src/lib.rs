//! What every amaas function shares: from the bytes of a request to the bytes of an answer, and from an ONNX file to a
//! model that answers. `functions/ARCHITECTURE.md` is the map.
//!
//! A model owner needs [`task::Task`] and [`function`]; `functions/sentiment` shows both.

pub mod access;
pub mod at_rest;
pub mod config;
pub mod digest;
mod error;
mod function;
mod generate;
mod grpc;
pub mod host;
mod infer;
pub mod ledger;
pub mod load;
pub mod manifest;
pub mod meter;
mod onnx;
mod openapi;
mod pointer;
pub mod publish;
mod quota;
mod reply;
mod request;
mod router;
pub mod runtime;
pub mod seal;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod vault;

/// What inputs and predictions of a task derive their schemas with.
pub use schemars;

pub use self::error::Error;
pub use self::function::{function, stop_signal};
#[doc(hidden)]
pub use self::request::rehearse;
pub use self::router::{Host, router};

/// The task in the architecture page has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../ARCHITECTURE.md")]
struct Architecture;

/// The task in the guide has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/tasks.md")]
struct TasksGuide;
