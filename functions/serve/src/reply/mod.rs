//! Encode → respond: what leaves a function.

mod compress;
mod encode;
mod error;
mod limit;
mod pieces;
mod respond;

pub(crate) use self::compress::compress;
pub(crate) use self::encode::{
    Metering, ResponseUsage, completions_response, embeddings_response, headers, infer_response, json, predict_response,
};
pub(crate) use self::error::{Dialect, error_event, header_names, openai_code, problem_type};
pub(crate) use self::limit::{fits as answer_fits, foresee, outputs_fit};
pub(crate) use self::pieces::BytesBody;
pub(crate) use self::respond::{FinalResponse, fits, instead, named, rendered, respond, respond_to};

/// Has proxies that know it, nginx above all, send on each piece of an answer when it comes.
pub(crate) const UNBUFFERED: (http::HeaderName, http::HeaderValue) =
    (http::HeaderName::from_static("x-accel-buffering"), http::HeaderValue::from_static("no"));

/// Marks a response stream that tells of changes and takes no work in between, so that the host may close its connection first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleStream;
