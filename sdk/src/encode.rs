//! The first stage of a call: encodes values as bytes, once for all attempts.

use amaas_wire::oip::InferRequest;
use amaas_wire::predict::PredictRequest;
use bytes::Bytes;
use serde::Serialize;

use crate::error::Error;

/// A body.
#[derive(Clone, Debug, Default)]
pub(crate) struct EncodedPayload {
    pub(crate) bytes: Bytes,
    /// The number of bytes that are JSON, if tensors follow.
    pub(crate) header_length: Option<usize>,
}

pub(crate) fn predict<I: Serialize, Q: Serialize>(request: &PredictRequest<I, Q>) -> Result<EncodedPayload, Error> {
    if request.inputs.is_empty() {
        return Err(Error::invalid_input("there are no inputs: expected one or more"));
    }
    // The source is serde's own text: the `Serialize` of the input failed.
    let written = serde_json::to_vec(request);
    let error = |error| Error::invalid_input("the input cannot be written as JSON").with_source(error);
    Ok(EncodedPayload { bytes: written.map_err(error)?.into(), header_length: None })
}

/// Encodes tensors as bytes. Every value can be expressed, and numbers are not converted to text.
pub(crate) fn infer(request: &InferRequest) -> EncodedPayload {
    let (body, header_length) = request.to_http();
    EncodedPayload { bytes: body.into(), header_length: Some(header_length) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use amaas_wire::predict::NoParameters;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn inputs_stand_in_order() {
        let request = |inputs| PredictRequest { inputs, parameters: None::<NoParameters>, partial: false };
        assert_eq!(predict(&request(vec!["a", "b"])).expect("text").bytes.as_ref(), br#"{"inputs":["a","b"]}"#);
        let with =
            PredictRequest { inputs: vec!["a"], parameters: Some(BTreeMap::from([("top_k", 2)])), partial: true };
        let expected = br#"{"inputs":["a"],"parameters":{"top_k":2},"partial":true}"#;
        assert_eq!(predict(&with).expect("text").bytes.as_ref(), expected);
    }

    #[test]
    fn what_cannot_be_sent_is_found_before_sending() {
        let none = PredictRequest { inputs: Vec::<()>::new(), parameters: None::<NoParameters>, partial: false };
        assert_eq!(predict(&none).expect_err("no inputs").kind(), ErrorKind::InvalidInput);
        let unnamed = vec![BTreeMap::from([((), 1)])];
        let unnamed = PredictRequest { inputs: unnamed, parameters: None::<NoParameters>, partial: false };
        let error = predict(&unnamed).expect_err("a key that is no text");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(std::error::Error::source(&error).expect("serde's").to_string().contains("key must be a string"));
    }
}
