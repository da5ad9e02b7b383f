//! Models on one machine: an object store with S3's protocol, a host that follows its store (`dev`), the command line of a
//! function, and served models for tests and benchmarks.

pub mod dev;
pub mod env_variables;
mod function;
mod library;
pub mod local_stack;
pub mod object_store;
pub mod served_model;
pub mod table;
pub mod watch;

pub use self::function::main;
pub use self::library::library;
