//! `OpenAI`'s shapes: `POST /v1/embeddings`, `POST /v1/completions`, and the error object of its routes.
//!
//! An unsupported member is refused by name: ignoring it could change the answer. Arrays of token ids are refused too, because
//! their meaning depends on the tokenizer.

mod completions_request;
mod completions_response;
mod embeddings_request;
mod embeddings_response;
mod encoding_format;
mod error;
mod limits;
mod member;
mod prompt;
#[cfg(feature = "schema")]
mod schema;

pub use completions_request::{CompletionsRequest, Delivery};
pub use completions_response::{CompletionChoice, CompletionUsage, CompletionsResponse, StreamedUsage, TokenLogprobs};
pub use embeddings_request::{EmbeddingsRequest, Truncation};
pub use embeddings_response::{EmbeddingEntry, EmbeddingsResponse, EncodedVector, TokenUsage};
pub use encoding_format::EncodingFormat;
pub use error::{ErrorBody, ErrorObject, RequestError};
