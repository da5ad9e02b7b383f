//! `POST /v2/models/{model}[/versions/{version}]/infer`.

use std::sync::Arc;
use std::time::Instant;

use amaas_wire::DecodeError;
use amaas_wire::Tensor;
use amaas_wire::oip::{HEADER_LENGTH, InferRequest, MEDIA_TYPE, OutputEncodings, TensorEncoding};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};

use super::health::ModelPath;
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::{Counted, foresee, infer_response, outputs_fit};
use crate::request::{Call, Caller, Running, raw};
use crate::state::Host;
use amaas_engine::cpu::{QUICK, json_size};
use amaas_engine::infer::Valid;
use amaas_model::InputError;
use amaas_model::load::Model;
use amaas_model::manifest::Manifest;
use amaas_model::task::AnyTask;

pub(super) async fn infer(
    State(host): State<Host>,
    caller: Caller,
    Path(path): Path<ModelPath>,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    let slot = host.slot(&path.model)?;
    let (parts, body) = request.into_parts();
    let mut call = Call::enter(&host, caller, &slot, &parts.headers, &parts.extensions).await?;
    let body = call.read(&parts, body).await?;
    let model = host.model(&slot, path.version.as_deref()).await?;
    let begun = Instant::now();
    model.infer()?;
    let (size, header, described) = (body.len(), header_length(&parts.headers)?, Arc::clone(&model));
    let says_bytes = header.is_none() && parts.headers.get(CONTENT_TYPE).is_some_and(|media| media == MEDIA_TYPE);
    let decode = move |_: &_| decode(body, header, &described.manifest).map_err(|error| hinted(error, says_bytes));
    let decoded = call.prepare((&model, begun), (QUICK, size, 0), decode).await?;
    let (InferRequest { id, inputs, outputs }, forms) = decoded;
    let (outputs, rows, tokens) = run(&mut call, (&model, begun), inputs, outputs.as_deref()).await?;
    let size = json_size(&outputs);
    let (answered, counted) = (Arc::clone(&model), Counted { rows, tokens, begun });
    let answer = move || infer_response(&answered, id, outputs, &forms, counted);
    let answer = call.write(size, answer).await?;
    call.answered(&model, answer).await
}

/// Runs the network of `model` on `inputs`: the outputs that are `wanted`, in that order, or all where nobody names any; and how
/// many rows and tokens the call is counted as.
pub(crate) async fn run(
    call: &mut Call,
    (model, begun): (&Arc<Model>, Instant),
    inputs: Vec<Tensor>,
    wanted: Option<&[String]>,
) -> Result<(Vec<Tensor>, usize, Option<u64>), Error> {
    let wanted = wanted.filter(|wanted| !wanted.is_empty());
    check(model, wanted.unwrap_or_default())?;
    foresee(&model.manifest, &inputs, wanted.unwrap_or_default(), model.answer_bytes())?;
    let tokens = tokens(model, &inputs);
    let run = Valid::new(inputs, &model.manifest, call.limits().rows);
    let run = run?.of(call.tenant().as_str());
    let (rows, running) = (run.rows(), Running::new(run.rows(), tokens));
    call.charge((model, begun), &running).await?;
    let ran = async {
        let outputs = wanted_of(model.infer()?.run(run).await?, wanted);
        outputs_fit(&outputs, model.answer_bytes())?;
        Ok::<_, Error>(outputs)
    };
    let outputs = call.run((model, begun), running, ran).await?;
    Ok((outputs, rows, tokens))
}

/// The outputs that are `wanted`, in that order, or all where nobody names any.
fn wanted_of(mut outputs: Vec<Tensor>, wanted: Option<&[String]>) -> Vec<Tensor> {
    let Some(wanted) = wanted else { return outputs };
    let mut take = |name: &String| {
        let index = outputs.iter().position(|output| output.name() == name)?;
        Some(outputs.swap_remove(index))
    };
    wanted.iter().filter_map(&mut take).collect()
}

/// The tokens in `inputs`, padding too, where the model's task counts texts by them: the same network costs the same by every route.
fn tokens(model: &Model, inputs: &[Tensor]) -> Option<u64> {
    model.task.clone().and_then(AnyTask::embedder)?;
    let numbers = |input: &Tensor| input.shape().iter().map(|dim| *dim as u64).product();
    Some(inputs.iter().map(numbers).max().unwrap_or_default())
}

/// The request in `body`, of which the first `header` bytes are JSON, or all where nobody says so; and the forms of its outputs.
fn decode(body: Bytes, header: Option<usize>, manifest: &Manifest) -> Result<(InferRequest, OutputEncodings), Error> {
    if header != Some(0) {
        return Ok(InferRequest::from_http(&body, header)?);
    }
    // Whoever sends no JSON gets none but what says where the bytes begin, as from Triton.
    let inputs = vec![raw(manifest, body)?];
    Ok((InferRequest { id: None, inputs, outputs: None }, OutputEncodings::all(TensorEncoding::Binary)))
}

/// `error`, and what may be missing where the body says that it is bytes and nothing says how many of them are JSON.
fn hinted(error: Error, says_bytes: bool) -> Error {
    match error {
        Error::Input(InputError::Malformed(DecodeError::Json(what))) if says_bytes => {
            let hint = "a body of application/octet-stream needs the header Inference-Header-Content-Length, which says how many of \
                        its bytes are JSON (0 for one tensor and nothing else)";
            DecodeError::Json(format!("{what}; {hint}")).into()
        }
        error => error,
    }
}

/// What the header says of the length of the JSON, where there is one.
fn header_length(headers: &HeaderMap) -> Result<Option<usize>, Error> {
    let mut values = headers.get_all(HEADER_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // `usize` reads a sign too, which is no digit.
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok()).filter(|_| values.next().is_none());
    let expected = "the header Inference-Header-Content-Length: expected one whole number of bytes";
    length.map(Some).ok_or_else(|| Error::invalid(expected.to_owned()))
}

/// Refuses where the model does not have an output that is asked for, or where it is asked for twice.
fn check(model: &Model, wanted: &[String]) -> Result<(), Error> {
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
