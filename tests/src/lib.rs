//! What the whole-system tests of `tests/it` stand on: the real programs as processes, an object store, the outside of
//! Lambda, and faults on the way.
//!
//! Invariants: each test has ports, folders and processes of its own, and its processes end with it. Nothing waits for a
//! time to pass where it can wait for a condition. What goes wrong in here panics, and says what was expected.

#![allow(clippy::missing_panics_doc)] // a panic is how a test fails

pub mod cargo_lambda;
pub mod cases;
mod dev;
pub mod dynamodb;
pub mod faults;
mod function;
pub mod judge;
pub mod lambda;
mod launch;
mod library;
mod logs;
pub mod loopback;
pub mod onnx;
pub mod patience;
mod published;
mod python;
mod skip;
pub mod sockets;
mod stage;

pub use self::dev::Dev;
pub use self::function::Function;
pub use self::launch::{Launch, Program, command_line};
pub use self::library::library;
pub use self::logs::Logs;
pub use self::skip::skip;
pub use self::stage::Stage;
