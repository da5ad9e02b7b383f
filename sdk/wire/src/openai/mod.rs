//! `OpenAI`'s shapes: `POST /v1/embeddings`, `POST /v1/completions`, and the error object of its routes. `POST /v1/rerank` has the
//! same errors, and the shape of Cohere's and Jina's.
//!
//! An unsupported member is refused by name: ignoring it could change the answer. Each request has a table of its members.

mod completions_members;
mod completions_request;
mod completions_response;
mod embedding_input;
mod embeddings_request;
mod embeddings_response;
mod encoding_format;
mod error;
mod limits;
mod list_request;
mod member;
mod prompt;
mod rerank_request;
mod rerank_response;
#[cfg(feature = "schema")]
mod schema;
mod truncation;

pub use completions_request::{CompletionsRequest, Delivery};
pub use completions_response::{CompletionChoice, CompletionUsage, CompletionsResponse, StreamedUsage, TokenLogprobs};
pub use embedding_input::EmbeddingInput;
pub use embeddings_request::EmbeddingsRequest;
pub use embeddings_response::{EmbeddingEntry, EmbeddingsResponse, EncodedVector, TokenUsage};
pub use encoding_format::EncodingFormat;
pub use error::{ErrorBody, ErrorObject, RequestError};
pub use member::{Member, MemberEffect};
pub use rerank_request::RerankRequest;
pub use rerank_response::{RerankDocument, RerankMeta, RerankResponse, RerankResult, RerankTokens};
pub use truncation::Truncation;
