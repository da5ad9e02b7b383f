//! Retries: the only place that decides whether and when a call is sent again.
//!
//! Invariant: a request that may have been processed is never sent again unless the service can recognise it as a repetition.

mod budget;
mod cause;
mod config;
mod policy;
mod retry_after;

pub(crate) use cause::{FailureCause, Recovery, Replayability};
pub use config::RetryConfig;
pub(crate) use policy::RetryPolicy;
pub(crate) use retry_after::retry_after;
