//! The whole system: real programs, a real object store, and the SDK.

mod admitted;
mod any_onnx;
mod bad_input;
mod conformance;
mod ending;
mod families;
mod golden;
mod grpc;
mod hosts;
mod identity;
mod ledger;
mod loading;
mod mixed_rows;
mod odd_logits;
mod oip;
mod openapi;
mod operators;
mod pay;
mod publishing;
mod quiet;
mod retries;
mod rows;
mod runs;
mod sealed;
mod two_networks;
mod versions;
