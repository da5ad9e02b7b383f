#![doc = include_str!("docs/crate.md")]
//! # What is retried
#![doc = include_str!("docs/retries.md")]

#[cfg(feature = "sigv4")]
pub mod sigv4;
#[cfg(feature = "testing")]
pub mod testing;

mod answer;
mod builder;
mod call;
mod client;
mod completed;
mod content_hash;
mod credentials;
mod decode;
mod encode;
mod endpoint;
mod environment;
mod error;
mod failure;
mod into_api_key;
mod model;
mod options;
mod parameters;
mod pipelines;
mod random;
mod receipt;
mod retry;
mod seal;
mod sealing;
mod spawn;
mod transport;
mod usage;

pub use amaas_ohttp::Suite;
pub use amaas_wire::dsse::VerifyingKey;
pub use amaas_wire::oip::{InferRequest, ModelMetadata, ServerMetadata, StatedDatatype, TensorMetadata};
pub use amaas_wire::predict::{ModelEntry, ModelList, NoParameters, Usage};
pub use amaas_wire::problem::Problem;
pub use amaas_wire::receipt::{MeteredUsage, Receipt, ReceiptError, SignedReceipt};
pub use amaas_wire::usage::{UsageBy, UsageDay, UsageReport, UsageRow, UsageSum};
pub use amaas_wire::{ApiKey, Datatype, Digest, MalformedKey, Tensor, TensorData, TensorError, pipeline, task};

pub use answer::{Answer, InferAnswer, Readiness};
pub use builder::ClientBuilder;
pub use client::Client;
pub use credentials::{Authorization, AuthorizationFuture, CachedCredentials, CredentialProvider};
pub use error::{BoxError, Error, ErrorKind};
pub use into_api_key::IntoApiKey;
pub use model::Model;
pub use options::CallOptions;
pub use retry::RetryConfig;
pub use sealing::Sealing;
#[cfg(feature = "sigv4")]
pub use sigv4::SigV4;
pub use usage::UsageQuery;

/// The README's example has to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctest;

/// The example in the guide has to compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
struct GuideDoctest;
