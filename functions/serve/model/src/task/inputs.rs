//! The inputs of a `predict` body.

use amaas_wire::predict::PredictRequest;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::error::PredictError;

/// Parses the inputs in `body`, 1 to `limit` of them.
///
/// # Errors
/// If the body cannot be parsed or has an unknown member.
pub fn inputs<I: DeserializeOwned>(body: &[u8], limit: usize) -> Result<Vec<I>, PredictError> {
    let PredictRequest { inputs } = PredictRequest::<StrictInput<I>>::from_json(body, limit)?;
    if inputs.is_empty() {
        return Err(PredictError::invalid("inputs: expected at least one entry, got none".to_owned()));
    }
    Ok(inputs.into_iter().map(|StrictInput(input)| input).collect())
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
        let read = |body: &str| inputs::<Review>(body.as_bytes(), 2).map_err(|error| error.to_string());
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
                "unknown member \"top_k\"; expected \"inputs\", at line 1 column 32",
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
