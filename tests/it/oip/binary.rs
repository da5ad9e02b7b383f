//! Binary tensors, in a body of JSON and bytes or in one of bytes alone.

use std::time::SystemTime;

use amaas_e2e::onnx;
use amaas_ohttp::bhttp::{self, MessageEncoding, RequestHead};
use amaas_ohttp::chunked;
use amaas_ohttp::key_list::KeyList;
use serde_json::{Value, json};

use super::{HEADER, OipServer};

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn input(name: &str, size: usize) -> Value {
    json!({"name": name, "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": size}})
}

#[tokio::test]
async fn bytes_and_numbers_may_stand_in_one_call() {
    let served = OipServer::start("add", onnx::add()).await;
    let number = json!({"name": "b", "datatype": "FP32", "shape": [1, 2], "data": [[10, 20.5]]});
    let wanted = |binary: bool| json!([{"name": "sum", "parameters": {"binary_data": binary}}]);
    let given = bytes(&[1.0, 2.0]);
    for inputs in [json!([input("a", 8), number]), json!([number, input("a", 8)])] {
        let answer = served.binary(&json!({"id": "7", "inputs": inputs, "outputs": wanted(true)}), &given).await;
        let (json, got) = answer.parts();
        let output = json!({"name": "sum", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}});
        let expected = json!({"model_name": "add", "model_version": "1", "id": "7", "outputs": [output]});
        assert_eq!((json, got), (expected, &*bytes(&[11.0, 22.5])));
    }
    // The default form applies to outputs without one of their own.
    let usual = json!({"binary_data_output": true});
    let all = served.binary(&json!({"inputs": [input("a", 8), number], "parameters": usual}), &given).await;
    assert_eq!(all.parts().1, bytes(&[11.0, 22.5]));
    let body = json!({"inputs": [input("a", 8), number], "parameters": usual, "outputs": wanted(false)});
    let none = served.binary(&body, &given).await;
    assert_eq!((none.header("content-type"), none.header(HEADER)), (Some("application/json"), None));
    assert_eq!(none.json()["outputs"][0]["data"], json!([11.0, 22.5]));
    // JSON cannot represent it; bytes can.
    let given = bytes(&[f32::INFINITY, 2.0]);
    let infinite = served.binary(&json!({"inputs": [input("a", 8), number], "outputs": wanted(true)}), &given).await;
    assert_eq!(infinite.parts().1, bytes(&[f32::INFINITY, 22.5]));
    served.binary(&json!({"inputs": [input("a", 8), number]}), &given).await.refuses(422, "not a finite number");
}

#[tokio::test]
async fn what_does_not_add_up_is_refused() {
    let served = OipServer::start("add", onnx::add()).await;
    let two = |a: Value, b: Value| json!({"inputs": [a, b]});
    let with = |key: &str, value: Value| {
        let mut input = input("a", 8);
        input[key] = value;
        two(input, self::input("b", 8))
    };
    for (body, length, text) in [
        (
            two(input("a", 8), input("b", 8)),
            15,
            "tensor \"b\": binary_data_size is 8, but 7 bytes of binary data are left",
        ),
        (two(input("a", 8), input("b", 8)), 17, "the body has 17 bytes of binary data, expected 16"),
        (
            two(input("a", 9), input("b", 8)),
            17,
            "tensor \"a\": shape [1, 2] of FP32 needs 8 bytes of binary data, got 9",
        ),
        (two(input("a", 8), input("a", 8)), 16, "input \"a\" came twice"),
        (two(input("a", 8), input("c", 8)), 16, "unknown input \"c\"; the model takes \"a\", \"b\""),
        (
            with("data", json!([1, 2])),
            16,
            "tensor \"a\": expected `data` or the parameter `binary_data_size`, got both",
        ),
        (
            with("parameters", json!({})),
            16,
            "tensor \"a\": expected `data`, or the parameter `binary_data_size`, got neither",
        ),
        (
            with("parameters", json!({"binary_data_size": -8})),
            16,
            "tensor \"a\": binary_data_size: expected a whole number",
        ),
        (with("parameters", json!({"shared_memory_region": "r"})), 16, "`shared_memory_region` is not taken here"),
        (with("datatype", json!("INT32")), 16, "input \"a\": expected datatype FP32, got INT32"),
        (with("datatype", json!("FP8")), 16, "tensor \"a\": unknown datatype; expected one of BOOL"),
        (with("datatype", json!("BF16")), 16, "tensor \"a\": shape [1, 2] of BF16 needs 4 bytes of binary data, got 8"),
        (with("shape", json!([-1, 2])), 16, "tensor \"a\": dimension 0 of the shape is negative"),
        (
            with("shape", json!([1_u64 << 62, 4])),
            16,
            "tensor \"a\": the product of shape [4611686018427387904, 4] overflows",
        ),
        (with("shape", json!([2])), 16, "input \"a\": expected shape [batch, 2], got [2]"),
        (with("shape", json!(vec![1; 17])), 16, "tensor \"a\": expected at most 16 dimensions, got 17"),
    ] {
        served.binary(&body, &vec![0; length]).await.refuses(400, text);
    }
    let body = two(input("a", 8), input("b", 8)).to_string();
    for (header, text) in [
        ("100000", "Inference-Header-Content-Length is 100000, but the body has"),
        ("18446744073709551616", "expected one whole number of bytes"),
        ("-1", "expected one whole number of bytes"),
        ("+5", "expected one whole number of bytes"),
        ("x", "expected one whole number of bytes"),
        ("5", "not JSON: the body ends too early"),
    ] {
        served.infer(body.clone(), |request| request.header(HEADER, header)).await.refuses(400, text);
    }
    let twice = served.infer(body.clone(), |request| request.header(HEADER, 1).header(HEADER, 1)).await;
    twice.refuses(400, "expected one whole number of bytes");
    served.infer(body, |request| request).await.refuses(400, "the message has no binary data");
}

#[tokio::test]
async fn a_body_may_be_one_tensor_and_nothing_else() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let raw = async |bytes: Vec<u8>| {
        let typed = |request: reqwest::RequestBuilder| request.header("content-type", "application/octet-stream");
        served.infer(bytes, |request| typed(request).header(HEADER, 0)).await
    };
    let answer = raw(bytes(&[1.0, 2.0, 3.0, 4.0])).await;
    let (json, got) = answer.parts();
    assert_eq!((&json["outputs"][0]["shape"], got), (&json!([2, 2]), &*bytes(&[2.0, 3.0, 4.0, 5.0])));
    raw(vec![0; 7]).await.refuses(400, "tensor \"x\": shape [1, 2] of FP32 needs 8 bytes of binary data, got 7");
    let two = OipServer::start("add", onnx::add()).await;
    two.infer("", |request| request.header(HEADER, 0))
        .await
        .refuses(400, "expected a model with one input, this one has 2");
}

#[tokio::test]
async fn sealed_calls_carry_bytes_too_and_their_answers_are_not_compressed() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let path = "/v2/models/plus-one/infer";
    let list = served.get("/v1/models/plus-one/keys").await.body;
    let keys = KeyList::decode(&list).expect("a list");
    let shape = json!({"name": "x", "datatype": "FP32", "shape": [400, 2], "parameters": {"binary_data_size": 3200}});
    let json = json!({"inputs": [shape], "parameters": {"binary_data_output": true}}).to_string();
    let mut head = RequestHead::new("POST", "https", "function", path).expect("a head");
    for (name, value) in [
        ("authorization", format!("Bearer {}", served.env.key().expose())),
        ("date", httpdate::fmt_http_date(SystemTime::now())),
        ("accept-encoding", "gzip".to_owned()),
        (HEADER, json.len().to_string()),
    ] {
        head.headers.push(name, value.as_bytes()).expect("a field");
    }
    let content = [json.as_bytes(), &bytes(&[1.0; 800])].concat();
    let message = bhttp::Request::new(head, content).encode(MessageEncoding::default());
    let (sealed, opener) = chunked::seal_request(keys.preferred(), &message).expect("sealed");
    let post = reqwest::Client::new().post(format!("{}{path}", served.endpoint)).header("accept-encoding", "gzip");
    let answer = post.header("content-type", chunked::REQUEST_MEDIA_TYPE).body(sealed).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers().get("content-encoding")), (200, None));
    let inside = opener.open(&answer.bytes().await.expect("bytes")).expect("opened");
    let inner = bhttp::Response::decode(&inside, bhttp::DecodeLimits::default()).expect("a response");
    let header = |name: &str| inner.head.headers.iter().find(|(got, _)| got.as_bytes() == name.as_bytes());
    assert_eq!((inner.head.status(), header("content-encoding").is_some()), (200, false));
    let (_, length) = header(HEADER).expect("a length");
    let length: usize = std::str::from_utf8(length).expect("text").parse().expect("a number");
    assert_eq!(inner.content[length..], bytes(&[2.0; 800]));
}
