//! Tasks: typed inputs and predictions of a model. There is one trait, [`Task`], with adapters for common kinds of models:
//! [`Rows`], [`TextEmbedding`] and [`TextGeneration`].

mod any;
mod body;
mod call;
mod context;
mod embedding;
mod example;
mod generation;
mod inputs;
mod interfaces;
mod networks;
mod places;
mod predictions;
mod registry;
mod rows;
#[allow(clippy::module_inception)]
mod task;

pub use amaas_engine::cpu::{CpuPermit, checkpoint};
pub use amaas_engine::generate::{TensorNames, Tokenizer};
pub use amaas_engine::infer::{join, split};
pub use amaas_engine::{InvalidInput, TaskError};

pub use self::any::{AnyTask, LoadedTask};
pub use self::body::{InputFile, PredictBody};
pub use self::call::{CallHost, Charge, ComputeJob, Cost, CpuWork, ModelCall, UsageSoFar};
pub use self::context::{Assets, NetworkInfo, TaskContext};
pub use self::embedding::{EncodedTexts, TextEmbedding, TextEncoder, TextTokens, encode_texts};
pub use self::example::ExampleCall;
pub use self::generation::{TextGeneration, TextGenerator};
pub use self::interfaces::{
    CompletionPrompts, CompletionsInterface, DecoderSpec, EmbeddingInputs, EmbeddingTexts, EmbeddingsInterface,
    OutputLabels, RankingInputs, RankingInterface, RelevantDocument, TaskInterfaces,
};
pub use self::networks::{ModelNetwork, ModelNetworks, NetworkExecutor, PreparedRuns, RunTensors};
pub use self::places::{InputPlaces, split_inputs};
pub use self::predictions::{Predictions, PredictionsJson};
pub use self::registry::Tasks;
pub use self::rows::{RowTask, Rows, check_finite, non_finite_rows};
pub use self::task::{Task, UsageUnit};
pub use crate::error::PredictError;

/// The default of `AMAAS_MAX_ROWS`, the maximum number of inputs of a call.
pub const DEFAULT_MAX_INPUTS: usize = 4096;
/// The default of `AMAAS_MAX_BODY_BYTES`, the largest body of a call.
pub const DEFAULT_MAX_BODY_BYTES: usize = 16 << 20;
