//! The `OpenAPI` 3.1 document of a host, from the route table, the types of the routes, and the models that it serves.
//!
//! Invariant: each route has a description, because the router is built from the same table (`router/mod.rs`). Schemas come from the types
//! (`schemas`), error responses from the errors themselves (`refusal`), and a network's tensors from its manifest (`tensors`). A document
//! for a client without a key names no model. It includes a route in the format of `OpenAI` only if a model has a task for it.
//!
//! Written by hand, after reading aide 0.15 and utoipa 6. The document is written for each reader, from the models that its key may
//! use, the host's limits and its sealing policy.
//! - aide collects one document per process from the handlers' types, through a thread-local generator. It depends on schemars 0.9,
//!   whose `JsonSchema` is not the 1.x trait that the wire types and a publisher's task types implement.
//! - utoipa describes routes and types by macros at compile time. Its schema type cannot hold arbitrary JSON Schema (it has no `const`), so
//!   the schemas of tasks and of tensors in a manifest do not fit.
//! - Both take error responses from annotations. Here status, slug and headers come from the error classes.

mod builder;
mod document;
mod model;
mod parts;
mod refusal;
mod tag;
mod tensors;
mod view;

pub(crate) mod keys;
pub(crate) mod native;
pub(crate) mod openai;
pub(crate) mod protocol;

#[cfg(not(feature = "openapi"))]
pub(crate) use self::builder::DocumentBuilder;
pub(crate) use self::builder::{DescribeOperation, document};
#[cfg(not(feature = "openapi"))]
pub(crate) use self::document::OperationObject;
pub(crate) use self::view::{DocumentView, RouteSupport, ServedModels};
