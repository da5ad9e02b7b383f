//! The inputs of a `predict` body.

use amaas_wire::DecodeError;
use amaas_wire::predict::PredictRequest;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::{InputFile, PredictBody, Task};
use crate::error::{InputError, PredictError};

/// A request as a task gets it.
pub(super) struct ReadRequest<I, P> {
    pub(super) inputs: Vec<Result<I, PredictError>>,
    pub(super) parameters: P,
    pub(super) partial: bool,
}

/// Reads the inputs and parameters in `body`, 1 to `limit` inputs.
pub(super) fn read<T: Task>(
    body: PredictBody,
    limit: usize,
) -> Result<ReadRequest<T::Input, T::Parameters>, PredictError> {
    match body {
        PredictBody::Json(body) => inputs(&body, limit),
        PredictBody::Files { files, parameters, partial } => {
            let parameters = parameters.map(|json| self::parameters(&json)).transpose()?.unwrap_or_default();
            let inputs = check_count(files, limit)?.into_iter().map(of_file::<T>).collect();
            Ok(ReadRequest { inputs, parameters, partial })
        }
    }
}

/// Parses the inputs in `body`, 1 to `limit` of them.
fn inputs<I: DeserializeOwned, P: DeserializeOwned + Default>(
    body: &[u8],
    limit: usize,
) -> Result<ReadRequest<I, P>, PredictError> {
    let request = PredictRequest::<StrictInput<I>, StrictInput<P>>::each_from_json(body, limit)?;
    let input = |input: Result<StrictInput<I>, DecodeError>| Ok(input?.0);
    Ok(ReadRequest {
        inputs: check_count(request.inputs, limit)?.into_iter().map(input).collect(),
        parameters: request.parameters.map(|StrictInput(parameters)| parameters).unwrap_or_default(),
        partial: request.partial,
    })
}

fn check_count<I>(inputs: Vec<I>, limit: usize) -> Result<Vec<I>, PredictError> {
    if inputs.is_empty() {
        return Err(PredictError::invalid("inputs: expected at least one entry, got none".to_owned()));
    }
    if inputs.len() > limit { Err(DecodeError::Inputs { expected: limit }.into()) } else { Ok(inputs) }
}

/// Parses the parameters of a call whose inputs are files.
fn parameters<P: DeserializeOwned>(json: &[u8]) -> Result<P, PredictError> {
    let StrictInput(parameters) = serde_json::from_slice(json).map_err(|error| InputError::Parameter {
        param: "parameters".into(),
        message: format!("parameters: {}", DecodeError::json(json, &error)),
    })?;
    Ok(parameters)
}

fn of_file<T: Task>(InputFile { media_type, bytes }: InputFile) -> Result<T::Input, PredictError> {
    T::input_of_file(bytes, &media_type)
        .ok_or_else(|| PredictError::invalid(format!("{} takes no {media_type:?} file", T::NAME)))
}

/// An input that rejects unknown members, as with `deny_unknown_fields` on the task's type: a client's typo is an error.
struct StrictInput<I>(I);

impl<'de, I: Deserialize<'de>> Deserialize<'de> for StrictInput<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut unread = None;
        let input = serde_ignored::deserialize(deserializer, |path| {
            if let (None, serde_ignored::Path::Map { key, .. }) = (&unread, path) {
                unread = Some(key);
            }
        })?;
        match unread {
            None => Ok(Self(input)),
            Some(name) => Err(D::Error::unknown_field(&name, &[])),
        }
    }
}

#[cfg(test)]
mod tests {
    use amaas_wire::predict::NoParameters;

    use super::*;

    /// Does not deny unknown members itself.
    #[derive(Debug, Deserialize, PartialEq)]
    struct Review {
        text: String,
        stars: Option<Stars>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Stars {
        of: u8,
    }

    #[test]
    fn nothing_is_left_unread() {
        let read = |body: &str| {
            let read = inputs::<Review, NoParameters>(body.as_bytes(), 2)?;
            read.inputs.into_iter().collect::<Result<Vec<_>, PredictError>>()
        };
        let read = |body: &str| read(body).map_err(|error| error.to_string());
        let review = Review { text: "a".to_owned(), stars: Some(Stars { of: 3 }) };
        assert_eq!(read(r#"{"inputs":[{"text":"a","stars":{"of":3}}]}"#), Ok(vec![review]));
        let long = "n".repeat(500);
        for (body, expected) in [
            (r#"{"inputs":[{"text":"a"},{"text":"a","top_k":1}]}"#, "inputs[1]: unknown member \"top_k\", at line 1"),
            (
                r#"{"inputs":[{"text":"a","stars":{"of":3,"half":true}}]}"#,
                "inputs[0]: unknown member \"half\", at line 1",
            ),
            (
                r#"{"inputs":[{"text":"a"}],"top_k":1}"#,
                "unknown member \"top_k\"; expected \"inputs\", \"parameters\" or \"partial\", at line 1 column 32",
            ),
            (r#"{"inputs":[{"text":7}]}"#, "inputs[0].text: expected a string, got an integer"),
            (r#"{"inputs":[{"text":"\ud83d"}]}"#, "inputs[0].text: half of a surrogate pair"),
            (&format!(r#"{{"inputs":[{{"text":"a","{long}":1}}]}}"#), "inputs[0]: unknown member \"nnn"),
            (r#"{"inputs":[]}"#, "inputs: expected at least one entry, got none"),
        ] {
            let error = read(body).expect_err(body);
            assert!(error.starts_with(expected) && error.len() < 200, "{body}: {error}");
        }
    }
}
