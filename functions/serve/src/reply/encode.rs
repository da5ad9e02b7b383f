//! Answers as JSON.

use std::time::Instant;

use amaas_wire::Tensor;
use amaas_wire::oip::InferResponse;
use amaas_wire::predict::{USAGE_BILLED_MS, USAGE_ROWS, Usage};
use axum::body::Body;
use http::{HeaderValue, Response, header};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::load::Model;

/// `value` as an answer.
pub(crate) fn json(value: &impl Serialize) -> Result<Response<Body>, Error> {
    let body = serde_json::to_vec(value).map_err(|error| Error::Unwritable(error.to_string()))?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The answer of `predict`.
pub(crate) fn predict_response(
    model: &Model,
    predictions: Box<RawValue>,
    rows: usize,
    begun: Instant,
) -> Result<Response<Body>, Error> {
    // What a caller reads as `PredictResponse`; the list is JSON already.
    #[derive(Serialize)]
    struct Answer<'a> {
        predictions: Box<RawValue>,
        model: &'a str,
        version: &'a str,
        usage: Usage,
    }
    let (model, version) = (model.name().as_str(), model.version().as_str());
    let usage = usage(rows, begun);
    let mut response = json(&Answer { predictions, model, version, usage })?;
    headers(&mut response, usage);
    Ok(response)
}

/// The answer of `infer`: the outputs that were asked for, in the order in which they were.
pub(crate) fn infer_response(
    model: &Model,
    id: Option<String>,
    mut outputs: Vec<Tensor>,
    wanted: Option<&[String]>,
    rows: usize,
    begun: Instant,
) -> Result<Response<Body>, Error> {
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
        let mut left = outputs;
        outputs = wanted
            .iter()
            .filter_map(|name| Some(left.swap_remove(left.iter().position(|output| output.name() == name)?)))
            .collect();
    }
    let (model_name, model_version) = (model.name().to_string(), Some(model.version().to_string()));
    let mut response = json(&InferResponse { model_name, model_version, id, outputs })?;
    headers(&mut response, usage(rows, begun));
    Ok(response)
}

fn usage(rows: usize, begun: Instant) -> Usage {
    let milliseconds = begun.elapsed().as_micros().div_ceil(1000);
    Usage::new(rows as u64, u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

fn headers(response: &mut Response<Body>, usage: Usage) {
    response.headers_mut().insert(USAGE_ROWS, usage.rows.into());
    response.headers_mut().insert(USAGE_BILLED_MS, usage.billed_ms.into());
}
