//! Models on one machine: an object store that speaks S3, a host that follows its store, and served models for tests and measurements.

pub mod local_stack;
pub mod object_store;
pub mod served_model;
pub mod watch;
