//! The Open Inference Protocol over gRPC with Triton's extensions, on the port of the http host only.
//!
//! The methods correspond to the REST routes under `/v2`, and the same functions answer them. A call needs the same key, in the metadata
//! `authorization` or `x-api-key`; it is checked before a byte of a message is read.
//!
//! Two standard gRPC services are beside it: health checks (`grpc.health.v1`) for Kubernetes and load balancers, and reflection, which
//! describes the services and names no model. Neither needs a key.
//!
//! gRPC calls cannot be sealed: if sealing is required, methods with a payload are refused. They have no idempotency keys either: a repeated
//! call runs again.

mod codec;
mod contents;
mod health;
mod infer;
mod layer;
mod parameters;
mod reflection;
mod service;
mod status;

pub(crate) use self::layer::with_grpc_services;

/// The code that `build.rs` generates from `proto/inference.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/inference.rs"));
}
