//! `ModelInfer`: decodes the tensors of a request, runs the model, and encodes the outputs.

use std::collections::HashMap;
use std::sync::Arc;

use amaas_model::InputError;
use amaas_model::load::Model;
use amaas_model::task::{CpuWork, ModelCall};
use amaas_wire::tensor::parse_header;
use amaas_wire::{Tensor, TensorError};
use bytes::Bytes;
use http::HeaderMap;

use super::proto::infer_parameter::ParameterChoice;
use super::proto::model_infer_request::InferInputTensor;
use super::proto::model_infer_response::InferOutputTensor;
use super::proto::{InferParameter, ModelInferRequest, ModelInferResponse};
use super::{contents, parameters};
use crate::error::Error;
use crate::reply::{check_response_size, write_usage_headers};
use crate::request::{AuthorisedModel, CallError, Caller};
use crate::router::infer;
use crate::state::AppState;

/// Answers `request` of `caller`, with the usage as metadata.
pub(super) async fn model_infer(
    state: &AppState,
    caller: Caller,
    metadata: &HeaderMap,
    request: ModelInferRequest,
) -> Result<(ModelInferResponse, HeaderMap), Error> {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.headers.clone_from(metadata);
    let entered = AuthorisedModel::of(state, caller, &request.model_name)?.admit(&parts).await?;
    let size = prost::Message::encoded_len(&request);
    let version = Some(request.model_version.clone()).filter(|version| !version.is_empty());
    let call = entered.with_message(size).start(version.as_deref()).await?;
    let model = Arc::clone(call.model());
    model.check_tensors()?;
    parameters::reject_request_parameters(&request.parameters)?;
    let (id, (wanted, classes)) = (request.id.clone(), requested_outputs(&request)?);
    let run = async |call: ModelCall| {
        let (inputs, encoding) = call.compute(CpuWork::json(size), move |_| decode_inputs(request)).await?;
        Ok::<_, CallError>((infer::run(call, &model, inputs, (Some(&wanted), &classes)).await?, encoding))
    };
    let ((outputs, encoding), size) = call.run(run).await?;
    let answered = Arc::clone(call.model());
    let response = call.write(size, move || Ok(encode_response(&answered, id, outputs, encoding))).await?;
    let bytes = prost::Message::encoded_len(&response) as u64;
    check_response_size(bytes, call.model().answer_bytes())?;
    let (usage, mut metadata) = (call.metering().usage(), HeaderMap::new());
    call.count(usage, bytes, &mut metadata);
    write_usage_headers(&mut metadata, usage);
    Ok((response, metadata))
}

/// The encoding of the tensors of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TensorContents {
    Raw,
    Typed,
}

/// Outputs that are asked for as classes, each with the number of classes.
type WantedClasses = Vec<(String, u64)>;

/// The names of the requested outputs, and those of them that are asked for as classes, each with the number of classes.
fn requested_outputs(request: &ModelInferRequest) -> Result<(Vec<String>, WantedClasses), InputError> {
    let (mut names, mut classes) = (Vec::with_capacity(request.outputs.len()), Vec::new());
    for output in &request.outputs {
        let taken = ["binary_data", parameters::CLASSIFICATION];
        parameters::reject_tensor_parameters(&output.name, &output.parameters, &taken)?;
        classes
            .extend(parameters::classes(&output.name, &output.parameters)?.map(|count| (output.name.clone(), count)));
        names.push(output.name.clone());
    }
    Ok((names, classes))
}

fn decode_inputs(request: ModelInferRequest) -> Result<(Vec<Tensor>, TensorContents), InputError> {
    let (inputs, raw) = (request.inputs, request.raw_input_contents);
    // A request without tensors gets raw outputs, since they can encode every datatype.
    let encoding = if raw.is_empty() && !inputs.is_empty() { TensorContents::Typed } else { TensorContents::Raw };
    if encoding == TensorContents::Raw && raw.len() != inputs.len() {
        return Err(InputError::Invalid(format!(
            "raw_input_contents: expected {} entries, one for each input, got {}",
            inputs.len(),
            raw.len()
        )));
    }
    let mut raw = raw.into_iter();
    Ok((inputs.into_iter().map(|input| decode_tensor(input, raw.next())).collect::<Result<_, _>>()?, encoding))
}

fn decode_tensor(input: InferInputTensor, raw: Option<Bytes>) -> Result<Tensor, InputError> {
    let InferInputTensor { name, datatype, shape, parameters, contents } = input;
    let (name, datatype, shape) = parse_header(name, &datatype, &shape).map_err(malformed)?;
    parameters::reject_tensor_parameters(&name, &parameters, &["binary_data_size"])?;
    match (raw, contents) {
        (Some(_), Some(_)) => Err(InputError::Invalid(format!(
            "tensor {name:?}: expected values in raw_input_contents or in contents, got both"
        ))),
        (Some(bytes), None) => Tensor::from_bytes(name, datatype, shape, bytes).map_err(malformed),
        (None, contents) => contents::decode(name, datatype, shape, contents.unwrap_or_default()),
    }
}

/// Encodes the response: in typed lists if the inputs were typed and all outputs have a list, else raw.
fn encode_response(model: &Model, id: String, outputs: Vec<Tensor>, encoding: TensorContents) -> ModelInferResponse {
    let typed: Option<Vec<_>> =
        if encoding == TensorContents::Typed { outputs.iter().map(contents::encode).collect() } else { None };
    let mut described: Vec<_> = outputs.iter().map(describe).collect();
    let raw_output_contents = match typed {
        Some(typed) => {
            described.iter_mut().zip(typed).for_each(|(output, contents)| output.contents = Some(contents));
            Vec::new()
        }
        None => outputs.into_iter().map(Tensor::into_bytes).collect(),
    };
    ModelInferResponse {
        model_name: model.name().to_string(),
        model_version: model.version().to_string(),
        id,
        // Clients that accept several responses to a call need to know the last.
        parameters: HashMap::from([("triton_final_response".to_owned(), flag(true))]),
        outputs: described,
        raw_output_contents,
    }
}

fn describe(output: &Tensor) -> InferOutputTensor {
    InferOutputTensor {
        name: output.name().to_owned(),
        datatype: output.datatype().name().to_owned(),
        shape: output.shape().iter().map(|size| i64::try_from(*size).unwrap_or(i64::MAX)).collect(),
        ..InferOutputTensor::default()
    }
}

fn flag(value: bool) -> InferParameter {
    InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(value)) }
}

fn malformed(error: TensorError) -> InputError {
    InputError::Malformed(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str, shape: &[i64]) -> InferInputTensor {
        let (name, datatype) = (name.to_owned(), "INT16".to_owned());
        InferInputTensor { name, datatype, shape: shape.to_vec(), ..InferInputTensor::default() }
    }

    fn read(inputs: Vec<InferInputTensor>, raw: &[&'static [u8]]) -> Result<Vec<Tensor>, String> {
        let raw_input_contents = raw.iter().map(|bytes| Bytes::from_static(bytes)).collect();
        let request = ModelInferRequest { inputs, raw_input_contents, ..ModelInferRequest::default() };
        super::decode_inputs(request).map(|(inputs, _)| inputs).map_err(|error| error.to_string())
    }

    #[test]
    fn raw_values_go_to_their_inputs() {
        let read = read(vec![input("a", &[2]), input("b", &[0, 3])], &[&[1, 0, 255, 255], &[]]).expect("two tensors");
        assert_eq!(read[0].data(), &vec![1_i16, -1].into());
        assert_eq!((read[1].name(), read[1].shape()), ("b", &[0, 3][..]));
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        let both = InferInputTensor {
            contents: Some(super::super::proto::InferTensorContents::default()),
            ..input("x", &[1])
        };
        let shared = HashMap::from([("shared_memory_region".to_owned(), flag(true))]);
        let shared = InferInputTensor { parameters: shared, ..input("x", &[1]) };
        let float = InferInputTensor { datatype: "SECRET".to_owned(), ..input("x", &[1]) };
        for (inputs, raw, expected) in [
            (
                vec![input("x", &[1])],
                &[&[1, 0][..], &[]][..],
                "raw_input_contents: expected 1 entries, one for each input, got 2",
            ),
            (
                vec![input("x", &[1])],
                &[&[1, 0, 0]],
                "tensor \"x\": shape [1] of INT16 needs 2 bytes of binary data, got 3",
            ),
            (vec![input("x", &[-1])], &[&[1, 0]], "tensor \"x\": dimension 0 of the shape is negative"),
            (vec![input("x", &[i64::MAX, i64::MAX])], &[&[1, 0]], "overflows"),
            (vec![both], &[&[1, 0]], "tensor \"x\": expected values in raw_input_contents or in contents, got both"),
            (vec![shared], &[&[1, 0]], "the parameter `shared_memory_region` is not taken here"),
            (vec![float], &[&[1, 0]], "tensor \"x\": unknown datatype; expected one of BOOL"),
        ] {
            let error = read(inputs, raw).expect_err(expected);
            assert!(error.contains(expected) && !error.contains("SECRET"), "{expected}: {error}");
        }
    }
}
