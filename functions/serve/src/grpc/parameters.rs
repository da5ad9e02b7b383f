//! The parameters of a message, as those of a request in JSON: not to heed one would be another answer than was asked for.

use amaas_model::InputError;
use std::collections::HashMap;

use amaas_wire::DecodeError;
use amaas_wire::TensorError;

use super::proto::InferParameter;
use super::proto::infer_parameter::ParameterChoice;

type Parameters = HashMap<String, InferParameter>;

/// Refuses those of a request that would change the answer.
pub(super) fn of_request(parameters: &Parameters) -> Result<(), InputError> {
    let refused = parameters.iter().filter(|(name, value)| !changes_nothing(name, value)).map(|(name, _)| name);
    match first(refused) {
        Some(parameter) => Err(DecodeError::Parameter { parameter }.into()),
        None => Ok(()),
    }
}

/// Refuses those of a tensor that are none of `taken`. Clients say with those how they write JSON; here values are bytes anyway.
pub(super) fn of_tensor(tensor: &str, parameters: &Parameters, taken: &[&str]) -> Result<(), InputError> {
    match first(parameters.keys().filter(|name| !taken.contains(&name.as_str()))) {
        Some(parameter) => {
            Err(DecodeError::from(TensorError::Parameter { tensor: tensor.to_owned(), parameter }).into())
        }
        None => Ok(()),
    }
}

fn changes_nothing(name: &str, value: &InferParameter) -> bool {
    use ParameterChoice::{BoolParam, Int64Param, StringParam, Uint64Param};
    match name {
        // The first two as Triton where a model says nothing of them; of the last, each answer to a call is its last.
        "priority" | "timeout" | "binary_data_output" | "triton_enable_empty_final_response" => true,
        "sequence_id" => match &value.parameter_choice {
            Some(StringParam(text)) => text.is_empty(),
            id => matches!(id, None | Some(Int64Param(0) | Uint64Param(0))),
        },
        "sequence_start" | "sequence_end" => matches!(value.parameter_choice, None | Some(BoolParam(false))),
        _ => false,
    }
}

/// The same one each time: a map has no order.
fn first<'n>(names: impl Iterator<Item = &'n String>) -> Option<String> {
    names.min().map(|name| name.chars().take(LONGEST_NAME).collect())
}

/// Characters of a name that are told.
const LONGEST_NAME: usize = 64;

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
            let error = of_request(&one(name, value)).err().map(|error| error.to_string());
            let refused = format!("the parameter `{name}` of the request is not taken here");
            assert_eq!(error, (!taken).then_some(refused), "{name}");
        }
        assert!(of_tensor("x", &one("binary_data_size", None), &["binary_data_size"]).is_ok());
        for name in ["content_type", "classification", "shared_memory_region", "binary_data_sizes"] {
            let error = of_tensor("x", &one(name, None), &["binary_data_size"]).expect_err(name).to_string();
            assert_eq!(error, format!("tensor \"x\": the parameter `{name}` is not taken here"));
        }
        let long = of_request(&one(&"n".repeat(5000), None)).expect_err("unknown").to_string();
        assert!(long.len() < 200, "{long}");
    }
}
