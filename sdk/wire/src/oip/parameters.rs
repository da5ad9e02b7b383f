//! The parameters of a request, of its inputs and of its outputs: those that are supported, and the first that is not.
//!
//! Ignoring a parameter could change the answer, so an unsupported one is refused. Two are accepted without effect, as in Triton
//! for a model without a configuration for them: `priority`, and `timeout`, which bounds the time in a queue.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::decode::DecodeError;

/// The id of a sequence: a number or a text.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum SequenceId {
    Number(u64),
    Text(String),
}

/// Defines a type of optional parameters.
macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $parameter:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $($(#[$of])* pub(super) $parameter: Option<$type>,)*
            /// The name of the first unsupported one.
            pub(super) other: Option<String>,
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ParametersVisitor;

                impl<'de> Visitor<'de> for ParametersVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<$name, A::Error> {
                        let mut all = $name::default();
                        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
                            match &*name {
                                $(stringify!($parameter) if all.$parameter.is_some() => {
                                    return Err(A::Error::duplicate_field(stringify!($parameter)));
                                }
                                stringify!($parameter) => all.$parameter = members.next_value()?,)*
                                other => {
                                    let asks = members.next_value::<Option<IgnoredAny>>()?.is_some();
                                    if asks && all.other.is_none() {
                                        all.other = Some(other.chars().take(MAX_SHOWN_NAME).collect());
                                    }
                                }
                            }
                        }
                        Ok(all)
                    }
                }

                deserializer.deserialize_map(ParametersVisitor)
            }
        }
    };
}

parameters! {
    /// Parameters of a request.
    RequestParameters {
        /// Whether outputs are encoded as bytes, unless an output says otherwise.
        binary_data_output: bool,
        priority: u64,
        timeout: u64,
        sequence_id: SequenceId,
        sequence_start: bool,
        sequence_end: bool,
    }
}

parameters! {
    /// Parameters of a tensor with values.
    TensorParameters {
        binary_data_size: serde_json::Number,
    }
}

parameters! {
    /// Parameters of a requested output.
    OutputParameters {
        binary_data: bool,
        /// The number of classes that are asked for; 0 asks for the values, as in Triton.
        classification: u64,
    }
}

impl RequestParameters {
    /// Refuses what is not supported. A call may say that it is not part of a sequence.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        let refused = |parameter: &str| Err(DecodeError::Parameter { parameter: parameter.to_owned() });
        let of_one = match &self.sequence_id {
            Some(SequenceId::Number(number)) => *number != 0,
            Some(SequenceId::Text(text)) => !text.is_empty(),
            None => false,
        };
        match self {
            Self { other: Some(other), .. } => refused(other),
            _ if of_one => refused("sequence_id"),
            Self { sequence_start: Some(true), .. } => refused("sequence_start"),
            Self { sequence_end: Some(true), .. } => refused("sequence_end"),
            _ => Ok(()),
        }
    }
}

/// Characters of a name that an error shows.
const MAX_SHOWN_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use crate::oip::InferRequest;

    #[test]
    fn what_would_change_the_answer_is_refused_by_name() {
        for (parameters, refused) in [
            ("null", None),
            ("{}", None),
            (r#"{"priority":3,"timeout":1000,"binary_data_output":false}"#, None),
            (r#"{"sequence_id":0,"sequence_start":false,"sequence_end":false}"#, None),
            (r#"{"sequence_id":""}"#, None),
            (r#"{"content_type":null}"#, None),
            (r#"{"sequence_id":5}"#, Some("the parameter `sequence_id` of the request is not taken here")),
            (r#"{"sequence_id":"a"}"#, Some("the parameter `sequence_id` of the request is not taken here")),
            (r#"{"sequence_start":true}"#, Some("the parameter `sequence_start` of the request is not taken here")),
            (r#"{"sequence_end":true}"#, Some("the parameter `sequence_end` of the request is not taken here")),
            (r#"{"content_type":"pd"}"#, Some("the parameter `content_type` of the request is not taken here")),
            (r#"{"headers":{"a":[]},"b":1}"#, Some("the parameter `headers` of the request is not taken here")),
            (r#"{"priority":"SECRET"}"#, Some("parameters.priority: expected a whole number from 0 up, got a string")),
            (r#"{"priority":1,"priority":2}"#, Some("parameters: duplicate member \"priority\"")),
            ("[true]", Some("parameters: expected an object, got a list")),
        ] {
            let body = format!(r#"{{"inputs":[],"model_name":"m","parameters":{parameters}}}"#);
            match (InferRequest::from_json(body.as_bytes()), refused) {
                (Ok(_), None) => {}
                (Err(error), Some(refused)) => assert!(error.to_string().starts_with(refused), "{parameters}: {error}"),
                (read, _) => panic!("{parameters}: {read:?}"),
            }
        }
    }
}
