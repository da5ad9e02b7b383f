//! Models on one machine: an object store that speaks S3, a host that follows its store (`dev`), the command line of a function, and
//! served models for tests and measurements.

pub mod dev;
mod function;
mod library;
pub mod local_stack;
pub mod object_store;
pub mod served_model;
pub mod table;
pub mod watch;

pub use self::function::main;
pub use self::library::library;
