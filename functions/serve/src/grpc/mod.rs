//! The Open Inference Protocol over gRPC, and what Triton's clients ask beyond it: on the port of the http host, and nowhere else.
//!
//! The methods are those of the REST routes under `/v2` in another form; what they answer is made by the same functions. A call is
//! let in by the same key, as the metadata `authorization` or `x-api-key`, which is looked at before a byte of a message is read.
//!
//! Beside it are gRPC's own services: health checks (`grpc.health.v1`), which Kubernetes and load balancers ask, and reflection, which
//! describes the services and names no model. Neither needs a key.
//!
//! gRPC has no sealed form: where sealed calls are required, what carries a payload is refused. Nor has it idempotency keys: a call
//! that is sent again runs again.

mod codec;
mod contents;
mod health;
mod infer;
mod layer;
mod parameters;
mod reflection;
mod service;
mod status;

pub(crate) use self::layer::beside;

/// What `build.rs` made of `proto/inference.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/inference.rs"));
}
