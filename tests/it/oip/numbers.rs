//! Tensors in JSON ("Tensor Data" of the protocol): flat or nested, of any datatype, and never converted silently.

use amaas_e2e::onnx;
use amaas_wire::Datatype;
use serde_json::{Value, json};

use super::OipServer;

/// Every datatype that has a form in JSON.
fn in_json() -> Vec<Datatype> {
    Datatype::ALL.into_iter().filter(|it| *it != Datatype::Bf16).collect()
}

/// `data` in the shape `shape` for the input of `datatype`, and four zeros for all others.
fn body(datatype: Datatype, shape: &Value, data: &str) -> String {
    let input = |it: &Datatype| {
        let zero = match it {
            Datatype::Bool => "[false,false,false,false]",
            Datatype::Bytes => r#"["","","",""]"#,
            _ => "[0,0,0,0]",
        };
        let (shape, data) = if *it == datatype { (shape, data) } else { (&json!([2, 2]), zero) };
        format!(r#"{{"name":"{it}","datatype":"{it}","shape":{shape},"data":{data}}}"#)
    };
    let inputs = in_json().iter().map(input).collect::<Vec<_>>().join(",");
    format!(r#"{{"inputs":[{inputs}],"outputs":[{{"name":"OUT_{datatype}"}}]}}"#)
}

#[tokio::test]
async fn flat_and_nested_data_are_the_same() {
    let served = OipServer::start("identity", onnx::identity(&in_json())).await;
    for (datatype, flat, nested) in [
        (Datatype::Bool, "[true,false,false,true]", "[[true,false],[false,true]]"),
        (Datatype::Uint64, "[0,1,2,18446744073709551615]", "[[0,1],[2,18446744073709551615]]"),
        (Datatype::Int8, "[-128,0,-0,127]", "[[-128,-0],[0,127]]"),
        (Datatype::Int64, "[-9223372036854775808,1,2,3]", "[[-9223372036854775808,1],[2,3]]"),
        (Datatype::Fp16, "[0.5,1,-2,65504]", "[[0.5,1],[-2,65504]]"),
        (Datatype::Bytes, r#"["","a","é","\n"]"#, r#"[["","a"],["é","\n"]]"#),
    ] {
        let expected: Value = serde_json::from_str(&flat.replace("-0", "0")).expect("JSON");
        for data in [flat, nested] {
            let answer = served.infer(body(datatype, &json!([2, 2]), data), |request| request).await;
            let json = answer.json();
            let got = json["outputs"][0]["data"].as_array().unwrap_or_else(|| panic!("{datatype}: {json}"));
            let number = |value: &Value| value.as_f64().filter(|_| datatype == Datatype::Fp16);
            let same = |(got, expected): (&Value, &Value)| got == expected || number(got) == number(expected);
            assert!(
                got.len() == 4 && got.iter().zip(expected.as_array().expect("a list")).all(same),
                "{datatype}: {json}"
            );
        }
    }
}

#[tokio::test]
async fn values_that_the_datatype_has_not_are_refused() {
    let served = OipServer::start("identity", onnx::identity(&in_json())).await;
    let deep = format!("{}1{}", "[".repeat(50_000 / 8), "]".repeat(50_000 / 8));
    for (datatype, shape, data, text) in [
        (
            Datatype::Uint8,
            json!([1, 1]),
            "[300]",
            "expected an integer from 0 to 255 (UINT8), got an integer out of range",
        ),
        (Datatype::Uint8, json!([1, 1]), "[-1]", "expected an integer from 0 to 255 (UINT8), got an integer"),
        (Datatype::Int8, json!([1, 1]), "[128]", "expected an integer from -128 to 127 (INT8), got an integer"),
        (Datatype::Uint64, json!([1, 1]), "[18446744073709551616]", "(UINT64), got a number out of range"),
        (Datatype::Int32, json!([1, 1]), "[1.0]", "(INT32), got a number with a fraction"),
        (Datatype::Int32, json!([1, 1]), "[NaN]", "not JSON"),
        (Datatype::Int32, json!([1, 1]), "[\"NaN\"]", "(INT32), got a string"),
        (Datatype::Int32, json!([1, 1]), "[null]", "(INT32), got null"),
        (
            Datatype::Fp32,
            json!([1, 1]),
            "[1e39]",
            "expected a finite number in the range of FP32, got a number out of range",
        ),
        (
            Datatype::Fp32,
            json!([1, 1]),
            "[1e400]",
            "data[0]: expected a finite number in the range of FP32, got a number out",
        ),
        (
            Datatype::Bytes,
            json!([1, 1]),
            r#"["\ud83d"]"#,
            "data[0]: expected a string (BYTES), got half of a surrogate pair",
        ),
        (Datatype::Fp16, json!([1, 1]), "[70000]", "expected a finite number in the range of FP16"),
        (Datatype::Bool, json!([1, 1]), "[1]", "expected true or false (BOOL), got an integer"),
        (Datatype::Bytes, json!([1, 1]), "[1]", "expected a string (BYTES), got an integer"),
        (Datatype::Int8, json!([2, 2]), "[[1,2],[3]]", "nested data does not follow shape [2, 2]"),
        (Datatype::Int8, json!([2, 2]), "[[1,2],3,4]", "nested data does not follow shape [2, 2]"),
        (Datatype::Int8, json!([1, 1]), "[1,2]", "shape [1, 1] needs 1 values, got more"),
        (Datatype::Int8, json!([1, 2]), "[1]", "shape [1, 2] needs 2 values, got 1"),
        (Datatype::Int8, json!([1, 1]), "{}", "a value is at depth 0, expected depth 2"),
        (Datatype::Int8, json!([1, 1]), &deep, "a list is at depth 2, deeper than the shape"),
        (Datatype::Int8, json!([1, "1"]), "[1]", "].shape[1]: expected a whole number, got a string"),
        (Datatype::Int8, json!([1, 1.5]), "[1]", "].shape[1]: expected a whole number, got a number with a fraction"),
        (
            Datatype::Int8,
            json!([18_446_744_073_709_551_615_u64, 1]),
            "[1]",
            "a whole number, got an integer out of range",
        ),
        (Datatype::Int8, json!([1_u64 << 62, 4]), "[1]", "overflows"),
    ] {
        served.infer(body(datatype, &shape, data), |request| request).await.refuses(400, text);
    }
}
