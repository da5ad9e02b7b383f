//! Messages, in JSON and with binary data.

use bytes::Bytes;

use super::{InferRequest, InferResponse, OutputEncodings, TensorEncoding};
use crate::tensor::{Tensor, TensorData};

fn error(body: &str) -> String {
    InferRequest::from_json(body.as_bytes()).expect_err(body).to_string()
}

#[test]
fn requests_round_trip() {
    let request = InferRequest {
        id: Some("7".to_owned()),
        inputs: vec![
            Tensor::new("a", vec![1, 2], vec![0.1_f32, -2.5]).expect("two values"),
            Tensor::new("b", vec![2], vec!["x".to_owned(), "é".to_owned()]).expect("two values"),
        ],
        outputs: Some(vec!["y".to_owned()]),
    };
    let body = serde_json::to_vec(&request).expect("a request is JSON");
    assert_eq!(InferRequest::from_json(&body), Ok(request));
}

#[test]
fn members_come_in_any_order() {
    let body = br#"{"inputs":[{"data":[1],"shape":[1],"datatype":"INT8","name":"x","parameters":{}}],"parameters":{}}"#;
    assert!(InferRequest::from_json(body).is_ok());
}

#[test]
fn errors_say_what_and_where_but_never_the_payload() {
    assert_eq!(error(""), "not JSON: the body ends too early, at line 1 column 0");
    assert!(error("hello").starts_with("not JSON: expected value at line 1"), "{}", error("hello"));
    assert_eq!(error("{}"), "missing member \"inputs\", at line 1 column 2");
    for body in [
        r#"{"inputs":"SECRET"}"#,
        r#"{"inputs":["SECRET, expected SECRET"]}"#,
        r#"{"inputs":[{"name":"x","datatype":"SECRET","shape":[1],"data":[1]}]}"#,
        r#"{"inputs":[{"name":"x","datatype":"INT8","shape":["SECRET"],"data":[1]}]}"#,
        r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":["SECRET"]}]}"#,
        r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":"SECRET"}]}"#,
    ] {
        assert!(!error(body).contains("SECRET"), "{}", error(body));
    }
    assert_eq!(
        error(r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[-1],"data":[1]}]}"#),
        "tensor \"x\": dimension 0 of the shape is negative"
    );
}

#[test]
fn what_is_echoed_is_short() {
    let name = |bytes| "n".repeat(bytes);
    let input = |name: &str| format!(r#"{{"name":"{name}","datatype":"INT8","shape":[1],"data":[1]}}"#);
    let body = |id: &str, input: &str, output: &str| {
        format!(r#"{{"id":"{id}","inputs":[{input}],"outputs":[{{"name":"{output}"}}]}}"#)
    };
    let fits = body(&name(1024), &input(&name(256)), &name(256));
    assert!(InferRequest::from_json(fits.as_bytes()).is_ok());
    for (body, expected) in [
        (body(&name(1025), &input("x"), "y"), "id has 1025 bytes, expected at most 1024"),
        (body("", &input(&name(257)), "y"), "a tensor's name has 257 bytes, expected at most 256"),
        (body("", &input("x"), &name(257)), "the name of an output has 257 bytes, expected at most 256"),
    ] {
        assert_eq!(error(&body), expected);
    }
}

#[test]
fn infinities_are_an_error_not_a_null() {
    let outputs = vec![Tensor::new("y", vec![1], vec![f32::NAN]).expect("one value")];
    let response = InferResponse { model_name: "m".to_owned(), model_version: None, id: None, outputs };
    assert!(serde_json::to_vec(&response).expect_err("NaN").to_string().contains("\"y\""));
}

fn read(json: &str, bytes: &[u8]) -> Result<(InferRequest, OutputEncodings), String> {
    let body = [json.as_bytes(), bytes].concat().into();
    InferRequest::from_http(&body, Some(json.len())).map_err(|error| error.to_string())
}

fn input(name: &str, size: &str) -> String {
    format!(r#"{{"name":"{name}","datatype":"INT16","shape":[2],"parameters":{{"binary_data_size":{size}}}}}"#)
}

#[test]
fn tensors_take_their_bytes_in_turn() {
    let json = format!(
        r#"{{"inputs":[{},{{"name":"b","datatype":"INT16","shape":[1],"data":[7]}},{}]}}"#,
        input("a", "4"),
        input("c", "4")
    );
    let (request, _) = read(&json, &[1, 0, 2, 0, 3, 0, 4, 0]).expect("three tensors");
    let values: Vec<_> = request.inputs.iter().map(Tensor::data).collect();
    let [a, b, c] = [vec![1_i16, 2], vec![7], vec![3, 4]].map(TensorData::from);
    assert_eq!(values, [&a, &b, &c]);
}

#[test]
fn what_does_not_add_up_is_named() {
    let one = |input: &str| format!(r#"{{"inputs":[{input}]}}"#);
    let both = r#"{"name":"x","datatype":"INT8","shape":[1],"data":[1],"parameters":{"binary_data_size":1}}"#;
    let shared = r#"{"name":"x","datatype":"INT8","shape":[1],"parameters":{"shared_memory_region":"SECRET"}}"#;
    let classes = r#"{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":3}}]}"#;
    for (json, bytes, expected) in [
        (
            one(&input("x", "4")),
            &[0; 3][..],
            "tensor \"x\": binary_data_size is 4, but 3 bytes of binary data are left",
        ),
        (one(&input("x", "4")), &[0; 5], "the body has 5 bytes of binary data, expected 4, which is the sum of all"),
        (one(&input("x", "3")), &[0; 3], "tensor \"x\": shape [2] of INT16 needs 4 bytes of binary data, got 3"),
        (one(&input("x", "18446744073709551615")), &[0; 4], "binary_data_size is 18446744073709551615, but 4 bytes"),
        (one(&input("x", "-4")), &[0; 4], "tensor \"x\": binary_data_size: expected a whole number of bytes"),
        (one(&input("x", "4.5")), &[0; 4], "tensor \"x\": binary_data_size: expected a whole number of bytes"),
        (one(&input("x", "\"SECRET\"")), &[0; 4], "at line 1"),
        (one(both), &[1], "tensor \"x\": expected `data` or the parameter `binary_data_size`, got both"),
        (one(&both.replace(",\"data\":[1]", "").replace("binary_data_size\":1", "other\":null")), &[], "got neither"),
        (one(shared), &[], "tensor \"x\": the parameter `shared_memory_region` is not taken here"),
        (one(&shared.replace("shared_memory_region", "content_type")), &[], "the parameter `content_type` is not"),
        (one(&shared.replace("shared_memory_region", "binary_data_sizes")), &[], "`binary_data_sizes` is not taken"),
        (classes.replace('3', "-1"), &[], "outputs[0].parameters.classification: expected a whole number from 0 up"),
        (classes.replace('3', "\"SECRET\""), &[], "outputs[0].parameters.classification: expected a whole number"),
        (classes.replace("classification", "content_type"), &[], "tensor \"y\": the parameter `content_type` is not"),
        (
            one(&both.replace("parameters", "parameter")),
            &[],
            "inputs[0]: unknown member \"parameter\"; expected \"name\"",
        ),
        (
            classes.replace("parameters", "datatype"),
            &[],
            "outputs[0]: unknown member \"datatype\"; expected \"name\" or",
        ),
        (r#"{"inputs":[],"output":[]}"#.to_owned(), &[], "unknown member \"output\"; expected \"id\""),
    ] {
        let error = read(&json, bytes).expect_err(expected);
        assert!(error.contains(expected) && !error.contains("SECRET"), "{expected}: {error}");
    }
    let body = Bytes::from(one(&input("x", "4")));
    let header = |header| InferRequest::from_http(&body, header).expect_err("no tensor").to_string();
    assert!(
        header(None).contains("the header Inference-Header-Content-Length says where it begins"),
        "{}",
        header(None)
    );
    let expected = format!("Inference-Header-Content-Length is 1000, but the body has {} bytes", body.len());
    assert_eq!(header(Some(1000)), expected);
    assert!(header(Some(usize::MAX)).ends_with(" bytes"));
    assert!(header(Some(5)).starts_with("not JSON: the body ends too early"), "{}", header(Some(5)));
}

#[test]
fn the_form_of_an_output_is_its_own_or_the_usual_one() {
    let json = r#"{"inputs":[],"parameters":{"binary_data_output":true,"priority":1},
        "outputs":[{"name":"a","parameters":{"binary_data":false}},{"name":"b","parameters":{}},{"name":"c"}]}"#;
    let (request, encodings) = read(json, &[]).expect("a request");
    assert_eq!(request.outputs.as_deref(), Some(&["a", "b", "c"].map(str::to_owned)[..]));
    assert_eq!(
        ["a", "b", "c", "d"].map(|name| encodings.of(name) == TensorEncoding::Binary),
        [false, true, true, true]
    );
    let (_, encodings) = read(r#"{"inputs":[]}"#, &[]).expect("a request");
    assert_eq!(encodings.of("a"), TensorEncoding::Json);
}

#[test]
fn responses_round_trip_in_either_form() {
    let output = |name: &str, data: TensorData| Tensor::new(name, vec![1, 2], data).expect("two values");
    let response = InferResponse {
        model_name: "m".to_owned(),
        model_version: Some("1".to_owned()),
        id: Some("7".to_owned()),
        outputs: vec![
            output("a", vec![f32::INFINITY, 0.1].into()),
            output("b", vec![1_i8, 2].into()),
            output("c", vec!["é".to_owned(), String::new()].into()),
        ],
    };
    let mut encodings = OutputEncodings::all(TensorEncoding::Binary);
    encodings.set("b", TensorEncoding::Json);
    let encoded = response.clone().into_http(&encodings).expect("nothing but b is JSON");
    let header = encoded.header_length().expect("two are binary");
    let body = encoded.into_body();
    assert_eq!(body.len() - header, 8 + 10);
    assert_eq!(InferResponse::from_http(&body, Some(header)), Ok(response.clone()));
    assert!(response.clone().into_http(&OutputEncodings::default()).is_err(), "an infinity has no JSON");
    let finite = InferResponse { outputs: response.outputs[1..].to_vec(), ..response };
    let encoded = finite.clone().into_http(&OutputEncodings::default()).expect("JSON");
    assert_eq!((encoded.header_length(), InferResponse::from_json(&encoded.json)), (None, Ok(finite)));
}

#[test]
fn requests_go_as_bytes_at_an_even_place() {
    let input = |name: &str, data: TensorData| Tensor::new(name, vec![2], data).expect("two values");
    let request = InferRequest {
        id: Some("é".to_owned()),
        inputs: vec![
            input("a", vec![f64::NEG_INFINITY, 0.1].into()),
            input("b", vec![half::bf16::MAX, half::bf16::ONE].into()),
            input("c", vec!["é".to_owned(), String::new()].into()),
        ],
        outputs: Some(vec!["y".to_owned()]),
    };
    let (body, header) = request.to_http();
    assert_eq!((header % 16, body.len() - header), (0, 16 + 4 + 10));
    let (again, encodings) = InferRequest::from_http(&body.into(), Some(header)).expect("it is one");
    assert_eq!((again, encodings.of("y")), (request, TensorEncoding::Binary));
}

proptest::proptest! {
    #[test]
    fn any_body_is_a_request_or_an_error(
        json in r#"\{"inputs":\[\{"name":"x","datatype":"(INT8|BYTES)","shape":\[[0-3]\],"parameters":\{"binary_data_size":[0-9]\}\}\]\}"#,
        bytes in proptest::collection::vec(0_u8..4, 0..12), header in 0_usize..120
    ) {
        let _ = read(&json, &bytes);
        let _ = InferRequest::from_http(&[json.as_bytes(), &bytes].concat().into(), Some(header));
    }
}

#[test]
fn outputs_are_asked_for_as_classes() {
    let json = r#"{"inputs":[],"outputs":[{"name":"a","parameters":{"classification":3,"binary_data":true}},
        {"name":"b","parameters":{"classification":0}},{"name":"c","parameters":{"classification":null}}]}"#;
    let (request, encodings) = read(json, &[]).expect("three outputs");
    assert_eq!(request.outputs, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
    assert_eq!(encodings.classes(), [("a".to_owned(), 3)]);
    assert_eq!((encodings.of("a"), encodings.of("b")), (TensorEncoding::Binary, TensorEncoding::Json));
}
