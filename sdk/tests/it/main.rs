//! The SDK over real connections, against its own scripted server.

mod calls;
mod content_hash;
mod credentials;
mod errors;
mod gateway;
mod keys;
mod later;
mod receipts;
mod resilience;
mod runtimes;
mod sealing;
mod secrets;
mod sigv4;
mod telemetry;
mod tls;
mod tree;

/// The result of tests, so that they use `?` for errors that they do not test.
type Result = std::result::Result<(), Box<dyn std::error::Error>>;
