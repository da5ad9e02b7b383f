//! What a host says of itself: `OpenAPI` 3.1, from the table of its routes, the types that they read and write, and the models that it
//! serves.
//!
//! A route that is not described cannot be had, for the router is made of the same table (`router/mod.rs`). Schemas are made of the
//! types (`schemas`), responses to errors of the errors themselves (`refusal`), and the tensors of a network of its manifest
//! (`tensors`). Without a key nothing is told of which models there are, but for whether any has a task that one of `OpenAI`'s
//! routes takes.

mod document;
mod model;
mod parts;
mod refusal;
mod tag;
mod tensors;
mod view;
mod writer;

pub(crate) mod keys;
pub(crate) mod native;
pub(crate) mod openai;
pub(crate) mod protocol;

#[cfg(not(feature = "openapi"))]
pub(crate) use self::document::Operation;
pub(crate) use self::view::{Fits, Models, View};
#[cfg(not(feature = "openapi"))]
pub(crate) use self::writer::Writer;
pub(crate) use self::writer::{Describe, document};
