//! The parameters of a message. As in a JSON request, an unsupported parameter is refused, since ignoring it would change the answer.

use amaas_model::InputError;
use std::collections::HashMap;

use amaas_wire::DecodeError;
use amaas_wire::TensorError;

use super::proto::InferParameter;
use super::proto::infer_parameter::ParameterChoice;

type Parameters = HashMap<String, InferParameter>;

/// Refuses parameters of a request that would change the answer.
pub(super) fn reject_request_parameters(parameters: &Parameters) -> Result<(), InputError> {
    let refused = parameters.iter().filter(|(name, value)| !has_no_effect(name, value)).map(|(name, _)| name);
    match first_name(refused) {
        Some(parameter) => Err(DecodeError::Parameter { parameter }.into()),
        None => Ok(()),
    }
}

/// Refuses parameters of a tensor that are not in `taken`. Those in `taken` select an encoding in JSON and have no effect here.
pub(super) fn reject_tensor_parameters(
    tensor: &str,
    parameters: &Parameters,
    taken: &[&str],
) -> Result<(), InputError> {
    match first_name(parameters.keys().filter(|name| !taken.contains(&name.as_str()))) {
        Some(parameter) => {
            Err(DecodeError::from(TensorError::Parameter { tensor: tensor.to_owned(), parameter }).into())
        }
        None => Ok(()),
    }
}

/// The number of classes that the parameters of an output ask for; `None` if they ask for its values.
pub(super) fn classes(tensor: &str, parameters: &Parameters) -> Result<Option<u64>, InputError> {
    use ParameterChoice::{Int64Param, Uint64Param};
    let count = match parameters.get(CLASSIFICATION).map(|parameter| &parameter.parameter_choice) {
        None | Some(None) => Some(0),
        Some(Some(Int64Param(count))) => u64::try_from(*count).ok(),
        Some(Some(Uint64Param(count))) => Some(*count),
        Some(Some(_)) => None,
    };
    let message = || format!("tensor {tensor:?}: the parameter `{CLASSIFICATION}`: expected a whole number from 0 up");
    count.map(|count| (count > 0).then_some(count)).ok_or_else(|| InputError::Invalid(message()))
}

fn has_no_effect(name: &str, value: &InferParameter) -> bool {
    use ParameterChoice::{BoolParam, Int64Param, StringParam, Uint64Param};
    match name {
        // Triton ignores the first two unless a model configures them. The last has no effect: a call has one response.
        "priority" | "timeout" | "binary_data_output" | "triton_enable_empty_final_response" => true,
        "sequence_id" => match &value.parameter_choice {
            Some(StringParam(text)) => text.is_empty(),
            id => matches!(id, None | Some(Int64Param(0) | Uint64Param(0))),
        },
        "sequence_start" | "sequence_end" => matches!(value.parameter_choice, None | Some(BoolParam(false))),
        _ => false,
    }
}

/// The first name in alphabetical order, since a map has no order of its own.
fn first_name<'n>(names: impl Iterator<Item = &'n String>) -> Option<String> {
    names.min().map(|name| name.chars().take(MAX_NAME_CHARS).collect())
}

/// The parameter of an output that asks for classes.
pub(super) const CLASSIFICATION: &str = "classification";
/// The most characters of a name in an error.
const MAX_NAME_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: Option<ParameterChoice>) -> Parameters {
        HashMap::from([(name.to_owned(), InferParameter { parameter_choice: value })])
    }

    #[test]
    fn what_would_change_the_answer_is_refused_by_name() {
        use ParameterChoice::{BoolParam, Int64Param, StringParam, Uint64Param};
        for (name, value, taken) in [
            ("priority", Some(Uint64Param(3)), true),
            ("timeout", Some(Int64Param(1000)), true),
            ("binary_data_output", Some(BoolParam(true)), true),
            ("triton_enable_empty_final_response", Some(BoolParam(true)), true),
            ("sequence_id", Some(Int64Param(0)), true),
            ("sequence_id", Some(Uint64Param(0)), true),
            ("sequence_id", Some(StringParam(String::new())), true),
            ("sequence_start", Some(BoolParam(false)), true),
            ("sequence_id", Some(Int64Param(5)), false),
            ("sequence_id", Some(StringParam("a".to_owned())), false),
            ("sequence_id", Some(BoolParam(true)), false),
            ("sequence_start", Some(BoolParam(true)), false),
            ("sequence_end", Some(BoolParam(true)), false),
            ("content_type", Some(StringParam("pd".to_owned())), false),
            ("other", None, false),
        ] {
            let error = reject_request_parameters(&one(name, value)).err().map(|error| error.to_string());
            let refused = format!("the parameter `{name}` of the request is not taken here");
            assert_eq!(error, (!taken).then_some(refused), "{name}");
        }
        assert!(reject_tensor_parameters("x", &one("binary_data_size", None), &["binary_data_size"]).is_ok());
        for name in ["content_type", "classification", "shared_memory_region", "binary_data_sizes"] {
            let error =
                reject_tensor_parameters("x", &one(name, None), &["binary_data_size"]).expect_err(name).to_string();
            assert_eq!(error, format!("tensor \"x\": the parameter `{name}` is not taken here"));
        }
        for (value, expected) in [
            (None, Some(None)),
            (Some(Int64Param(3)), Some(Some(3))),
            (Some(Uint64Param(3)), Some(Some(3))),
            (Some(Int64Param(0)), Some(None)),
            (Some(Int64Param(-1)), None),
            (Some(BoolParam(true)), None),
        ] {
            assert_eq!(classes("y", &one(CLASSIFICATION, value.clone())).ok(), expected, "{value:?}");
        }
        let long = reject_request_parameters(&one(&"n".repeat(5000), None)).expect_err("unknown").to_string();
        assert!(long.len() < 200, "{long}");
    }
}
