//! The whole system: real programs, a real object store, and the SDK.

mod admitted;
mod any_onnx;
mod bad_input;
mod billing;
mod conformance;
mod golden;
mod grpc;
mod hosts;
mod identity;
mod ledger;
mod loading;
mod mixed_rows;
mod model_families;
mod no_egress;
mod odd_logits;
mod oip;
mod openapi;
mod operators;
mod publishing;
mod retries;
mod rows;
mod runs;
mod sealed;
mod shutdown;
mod two_networks;
mod versions;
