//! Responses: encode, compress, and render errors.

mod bytes_body;
mod compress;
mod encode;
mod error;
mod limit;
mod respond;

pub(crate) use self::bytes_body::BytesBody;
pub(crate) use self::compress::compress;
pub(crate) use self::encode::{
    Metering, ResponseUsage, completions_response, embeddings_response, infer_response, json, predict_response,
    rerank_response, write_usage_headers,
};
pub(crate) use self::error::{Dialect, error_event, header_names, openai_code, problem_type};
pub(crate) use self::limit::{check_expected_outputs, check_outputs_size, check_response_size};
pub(crate) use self::respond::{
    FinalResponse, is_loggable_id, record_route, render_outcome, replace_with_error, respond, respond_to,
};

/// Makes proxies such as nginx forward each chunk of a response at once.
pub(crate) const UNBUFFERED_HEADER: (http::HeaderName, http::HeaderValue) =
    (http::HeaderName::from_static("x-accel-buffering"), http::HeaderValue::from_static("no"));

/// Marks a response stream of change notifications. It does no work in between, so the host may close its connection first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleStream;
