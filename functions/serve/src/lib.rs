//! The server that all amaas functions share: it serves models over HTTP, gRPC and Lambda. `functions/ARCHITECTURE.md` is
//! the map.
//!
//! A model owner needs [`task::Task`] and [`function`]; `functions/sentiment` shows both.

// A build without one of these features has unused helpers.
#![cfg_attr(
    not(all(feature = "grpc", feature = "http", feature = "lambda", feature = "openapi")),
    allow(dead_code, unused_imports)
)]

mod admission;
mod backends;
mod body;
pub mod config;
mod cors;
mod error;
mod function;
#[cfg(feature = "grpc")]
mod grpc;
mod headers;
pub mod host;
mod idempotency;
mod limits;
mod openapi;
mod reply;
mod request;
mod response_store;
mod router;
mod seal;
pub mod sealing;
mod state;
pub mod telemetry;

#[cfg(feature = "publish")]
pub use amaas_model::publish;
pub use amaas_model::{manifest, task};
/// Inputs and predictions of a task derive their JSON schemas with it.
pub use schemars;

pub use self::backends::Backends;
pub use self::error::Error;
pub use self::function::{function, stop_signal};
pub use self::limits::Limits;
#[doc(hidden)]
pub use self::request::measure_call_overhead;
pub use self::router::router;
pub use self::state::{AppState, AppStateBuilder, Lifecycle};

/// The task in the guide has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/tasks.md")]
struct TasksGuide;
