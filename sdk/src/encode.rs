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

pub(crate) fn predict<I: Serialize>(inputs: Vec<I>) -> Result<EncodedPayload, Error> {
    if inputs.is_empty() {
        return Err(Error::invalid_input("there are no inputs: expected one or more"));
    }
    // The source is serde's own text: the `Serialize` of the input failed.
    let written = serde_json::to_vec(&PredictRequest { inputs });
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
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn inputs_stand_in_order() {
        assert_eq!(predict(vec!["a", "b"]).expect("text").bytes.as_ref(), br#"{"inputs":["a","b"]}"#);
    }

    #[test]
    fn what_cannot_be_sent_is_found_before_sending() {
        assert_eq!(predict::<()>(Vec::new()).expect_err("no inputs").kind(), ErrorKind::InvalidInput);
        let unnamed = std::collections::BTreeMap::from([((), 1)]);
        let error = predict(vec![unnamed]).expect_err("a key that is no text");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(std::error::Error::source(&error).expect("serde's").to_string().contains("key must be a string"));
    }
}
