//! `POST /v2/models/{model}[/versions/{version}]/infer`.

use std::sync::Arc;

use amaas_engine::infer::ValidTensors;
use amaas_model::InputError;
use amaas_model::load::Model;
use amaas_model::manifest::Manifest;
use amaas_model::task::{Cost, CpuWork, ModelCall};
use amaas_wire::oip::{HEADER_LENGTH, InferRequest, MEDIA_TYPE, OutputEncodings, TensorEncoding};
use amaas_wire::{DecodeError, Tensor};
use axum::extract::{Path, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::classification;
use super::health::ModelPath;
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::{check_expected_outputs, check_outputs_size, infer_response};
use crate::request::{AnsweredCall, AuthorisedModel, CallError, decode_raw_tensor};

pub(super) async fn infer(
    authorised: AuthorisedModel,
    Path(path): Path<ModelPath>,
    _: NoQuery,
    request: Request,
) -> Result<AnsweredCall, Error> {
    let (parts, body) = request.into_parts();
    let (received, body) = authorised.admit(&parts).await?.receive(&parts, body).await?;
    let call = received.start(path.version.as_deref()).await?;
    let model = Arc::clone(call.model());
    model.check_tensors()?;
    let (size, header) = (body.len(), header_length(&parts.headers)?);
    let says_bytes = header.is_none() && parts.headers.get(CONTENT_TYPE).is_some_and(|media| media == MEDIA_TYPE);
    let answer = async |call: ModelCall| {
        let described = Arc::clone(&model);
        let decode =
            move |_: &_| decode(body, header, &described.manifest).map_err(|error| add_length_hint(error, says_bytes));
        let decoded = call.compute(CpuWork::json(size), decode).await?;
        let (InferRequest { id, inputs, outputs }, encodings) = decoded;
        let outputs = run(call, &model, inputs, (outputs.as_deref(), encodings.classes())).await?;
        Ok::<_, CallError>((id, outputs, encodings))
    };
    let write =
        |model: &_, (id, outputs, encodings), metering| infer_response(model, id, outputs, &encodings, metering);
    call.answer(answer, write).await
}

/// Runs the network of `model` on `inputs`. Returns the outputs in `wanted`, in that order, or all if it names none. Those in `classes`
/// are returned as classes.
pub(crate) async fn run(
    call: ModelCall,
    model: &Model,
    inputs: Vec<Tensor>,
    (wanted, classes): (Option<&[String]>, &[(String, u64)]),
) -> Result<Vec<Tensor>, CallError> {
    let wanted = wanted.filter(|wanted| !wanted.is_empty());
    check_output_names(model, wanted.unwrap_or_default())?;
    classification::check(model, classes)?;
    check_expected_outputs(&model.manifest, &inputs, wanted.unwrap_or_default(), model.answer_bytes())?;
    let (network, tokens) = (call.networks().own(), count_tokens(model, &inputs));
    let valid = ValidTensors::new(inputs, network.takes(), call.max_rows()).map_err(InputError::from)?;
    let valid = match call.tenant() {
        Some(tenant) => valid.of_tenant(tenant),
        None => valid,
    };
    let charge = call.charge(Cost { rows: valid.rows(), tokens }).await?;
    let outputs = call.run(&charge, network, valid.into()).await?.pop().unwrap_or_default();
    let outputs = select_outputs(outputs, wanted);
    check_outputs_size(&outputs, model.answer_bytes())?;
    if classes.is_empty() {
        return Ok(outputs);
    }
    let outputs = classification::classified(&call, model, outputs, classes).await?;
    check_outputs_size(&outputs, model.answer_bytes())?;
    Ok(outputs)
}

/// Selects the outputs in `wanted`, in that order, or all if it is `None`.
fn select_outputs(mut outputs: Vec<Tensor>, wanted: Option<&[String]>) -> Vec<Tensor> {
    let Some(wanted) = wanted else { return outputs };
    let mut take = |name: &String| {
        let index = outputs.iter().position(|output| output.name() == name)?;
        Some(outputs.swap_remove(index))
    };
    wanted.iter().filter_map(&mut take).collect()
}

/// The tokens in `inputs` with padding, if the model's task counts tokens: a network costs the same on every route.
fn count_tokens(model: &Model, inputs: &[Tensor]) -> Option<u64> {
    if !model.counts_tokens() {
        return None;
    }
    let numbers = |input: &Tensor| input.shape().iter().map(|dim| *dim as u64).product();
    Some(inputs.iter().map(numbers).max().unwrap_or_default())
}

/// Decodes the request in `body` and the encodings of its outputs. The first `header` bytes are JSON, or the whole body if it is `None`.
fn decode(
    body: Bytes,
    header: Option<usize>,
    manifest: &Manifest,
) -> Result<(InferRequest, OutputEncodings), InputError> {
    if header != Some(0) {
        return Ok(InferRequest::from_http(&body, header)?);
    }
    // The response to a raw request has binary outputs only, as Triton's has.
    let inputs = vec![decode_raw_tensor(manifest, body)?];
    Ok((InferRequest { id: None, inputs, outputs: None }, OutputEncodings::all(TensorEncoding::Binary)))
}

/// Adds a hint to `error` if the body is binary and the header with the length of the JSON is missing.
fn add_length_hint(error: InputError, says_bytes: bool) -> InputError {
    match error {
        InputError::Malformed(DecodeError::Json(what)) if says_bytes => {
            let hint = "a body of application/octet-stream needs the header Inference-Header-Content-Length, which says how many of \
                        its bytes are JSON (0 for one tensor and nothing else)";
            DecodeError::Json(format!("{what}; {hint}")).into()
        }
        error => error,
    }
}

/// The length of the JSON, from the header if there is one.
fn header_length(headers: &HeaderMap) -> Result<Option<usize>, Error> {
    let mut values = headers.get_all(HEADER_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // `usize` would accept a sign.
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok()).filter(|_| values.next().is_none());
    let expected = "the header Inference-Header-Content-Length: expected one whole number of bytes";
    length.map(Some).ok_or_else(|| Error::invalid(expected.to_owned()))
}

/// Refuses outputs that the model does not have or that are named twice.
fn check_output_names(model: &Model, wanted: &[String]) -> Result<(), Error> {
    for (index, name) in wanted.iter().enumerate() {
        if !model.manifest.outputs.iter().any(|output| output.name == *name) {
            let has = model.manifest.outputs.iter().map(|output| format!("{:?}", output.name));
            let has = has.collect::<Vec<_>>().join(", ");
            let got: String = name.chars().take(64).collect();
            return Err(Error::invalid(format!("unknown output {got:?}; the model gives {has}")));
        }
        if wanted[..index].contains(name) {
            return Err(Error::invalid(format!("output {name:?} was asked for twice")));
        }
    }
    Ok(())
}
