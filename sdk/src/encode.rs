//! The first stage of a call: values become bytes, once, whatever the number of attempts.

use amaas_wire::oip::InferRequest;
use amaas_wire::predict::PredictRequest;
use bytes::Bytes;
use serde::Serialize;

use crate::Error;

pub(crate) fn predict<I: Serialize>(inputs: Vec<I>) -> Result<Bytes, Error> {
    if inputs.is_empty() {
        return Err(Error::invalid_input("there are no inputs: expected one or more"));
    }
    json(&PredictRequest { inputs })
}

pub(crate) fn infer(request: &InferRequest) -> Result<Bytes, Error> {
    json(request)
}

/// serde's own text is the caller's (`Serialize` failed) or the tensor's (a value that JSON has no form for).
fn json(body: &impl Serialize) -> Result<Bytes, Error> {
    let written = serde_json::to_vec(body);
    written
        .map(Bytes::from)
        .map_err(|error| Error::invalid_input("the input cannot be written as JSON").with_source(error))
}

#[cfg(test)]
mod tests {
    use amaas_wire::{Tensor, TensorData};

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn inputs_stand_in_order() {
        assert_eq!(predict(vec!["a", "b"]).expect("text").as_ref(), br#"{"inputs":["a","b"]}"#);
    }

    #[test]
    fn what_cannot_be_sent_is_found_before_sending() {
        assert_eq!(predict::<()>(Vec::new()).expect_err("no inputs").kind(), ErrorKind::InvalidInput);
        let inputs = vec![Tensor::new("x", vec![1], TensorData::Fp32(vec![f32::NAN])).expect("one value")];
        let error = infer(&InferRequest { id: None, inputs, outputs: None }).expect_err("NaN");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(std::error::Error::source(&error).expect("serde's").to_string().contains("\"x\""));
    }
}
