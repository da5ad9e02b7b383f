//! A task gives a model typed inputs and predictions. There is one trait, [`Task`], and adapters for common shapes of models: [`Rows`],
//! [`TextEmbedding`] and [`TextGeneration`].

mod any;
mod call;
mod context;
mod embedding;
mod generation;
mod inputs;
mod interfaces;
mod networks;
mod registry;
mod rows;
#[allow(clippy::module_inception)]
mod task;

pub use amaas_engine::cpu::{CpuPermit, checkpoint};
pub use amaas_engine::generate::{TensorNames, Tokenizer};
pub use amaas_engine::infer::{join, split};
pub use amaas_engine::{InvalidInput, TaskError};

pub use self::any::{AnyTask, LoadedTask};
pub use self::call::{CallHost, Charge, Cost, Job, ModelCall, UsageSoFar, Work};
pub use self::context::{Assets, NetworkInfo, TaskContext};
pub use self::embedding::{EncodedTexts, TextEmbedding, TextEncoder, Tokens, encode_texts};
pub use self::generation::{TextGeneration, TextGenerator};
pub use self::inputs::inputs;
pub use self::interfaces::{CompletionPrompts, Completions, DecoderSpec, EmbeddingTexts, Embeddings, Interfaces};
pub use self::networks::{Executor, Network, Networks, PreparedRuns, RunTensors};
pub use self::registry::Tasks;
pub use self::rows::{RowTask, Rows, check_finite};
pub use self::task::{Task, Unit};
pub use crate::error::PredictError;

/// The most inputs of a call unless `AMAAS_MAX_ROWS` says otherwise.
pub const DEFAULT_MAX_INPUTS: usize = 4096;
/// The largest body of a call unless `AMAAS_MAX_BODY_BYTES` says otherwise.
pub const DEFAULT_MAX_BODY_BYTES: usize = 16 << 20;
