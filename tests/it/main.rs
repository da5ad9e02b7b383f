//! The whole system: real programs, a real object store, and the SDK.

mod any_onnx;
mod bad_input;
mod ending;
mod families;
mod golden;
mod hosts;
mod ledger;
mod loading;
mod oip;
mod openapi;
mod quiet;
mod retries;
mod sealed;
