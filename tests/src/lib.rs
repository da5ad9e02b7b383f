//! The test environment of `tests/it`: real programs as processes, an object store, an emulation of Lambda's APIs, and fault injection.
//!
//! Invariants: each test has ports, folders and processes of its own, and its processes end with it. Tests wait for conditions, not for
//! time. A failure in here panics with the expected condition.

#![allow(clippy::missing_panics_doc)] // a panic is how a test fails

pub mod cargo_lambda;
pub mod cases;
mod dev;
pub mod dynamodb;
pub mod faults;
mod function;
pub mod lambda;
mod library;
mod logs;
pub mod loopback;
pub mod onnx;
mod process;
mod published;
mod python;
pub mod reference;
mod skip;
pub mod sockets;
mod test_env;
pub mod wait;

pub use self::dev::DevProcess;
pub use self::function::Function;
pub use self::library::library;
pub use self::logs::Logs;
pub use self::process::{ProcessBuilder, Program, command_line};
pub use self::skip::skip;
pub use self::test_env::TestEnv;
