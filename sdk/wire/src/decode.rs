//! Reads request and answer bodies, and says why one cannot be read.

use serde::Deserialize;

use crate::json_fault::JsonFault;
use crate::tensor::TensorError;

/// Reads `body` as a `T`.
///
/// # Errors
/// [`DecodeError::Json`] names the member and the reason, never a value.
pub fn from_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| DecodeError::json(body, &error))
}

/// Why a body could not be read. The text never holds a value of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or not the JSON that was expected.
    #[error("{0}")]
    Json(String),
    /// A tensor in it is not well formed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A parameter of the request that is not supported.
    #[error("the parameter `{parameter}` of the request is not taken here")]
    #[allow(missing_docs)]
    Parameter { parameter: String },
    /// A text that the answer would repeat is too long.
    #[error("{what} has {got} bytes, expected at most {expected}")]
    #[allow(missing_docs)] // the fields are what the message says
    Long { what: &'static str, expected: usize, got: usize },
    /// The JSON would end after the end of the body.
    #[error("Inference-Header-Content-Length is {header}, but the body has {body} bytes")]
    #[allow(missing_docs)]
    Header { header: usize, body: usize },
    /// There are bytes that belong to no tensor.
    #[error("the body has {got} bytes of binary data, expected {expected}, which is the sum of all binary_data_size")]
    #[allow(missing_docs)]
    Rest { expected: usize, got: usize },
    /// More entries than a call may have. Reading stopped there.
    #[error("inputs: expected at most {expected} entries, got more")]
    #[allow(missing_docs)]
    Inputs { expected: usize },
}

impl DecodeError {
    /// Names the place in `body` and the reason, without the payload values and Rust types that the text of `serde_json` can hold.
    pub fn json(body: &[u8], error: &serde_json::Error) -> Self {
        Self::Json(JsonFault::of(body, error).message)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Body {
        name: Option<String>,
        shape: Option<Vec<i64>>,
        rows: Option<Vec<Row>>,
        any: Option<Box<serde_json::value::RawValue>>,
        map: Option<BTreeMap<String, u8>>,
        kind: Option<Kind>,
        pair: Option<(u8, u8)>,
        flag: Option<bool>,
        float: Option<f32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Row {
        size: usize,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
        Other,
    }

    fn said(body: &str) -> String {
        let DecodeError::Json(said) = from_json::<Body>(body.as_bytes()).expect_err(body) else { panic!("{body}") };
        said
    }

    #[test]
    fn a_fault_is_told_with_its_place_and_without_types_or_values() {
        for (body, expected) in [
            ("null", "expected an object, got null, at line 1 column 4"),
            ("7", "expected an object, got an integer, at line 1 column 1"),
            (r#""SECRET""#, "expected an object, got a string, at line 1 column 8"),
            (r#"{"name":7}"#, "name: expected a string, got an integer, at line 1 column 9"),
            (r#"{"shape":["SECRET"]}"#, "shape[0]: expected a whole number, got a string, at line 1 column 18"),
            (r#"{"shape": [1, 2, [3]]}"#, "shape[2]: expected a whole number, got a list, at line 1 column 17"),
            (
                r#"{"shape":[1,1.5]}"#,
                "shape[1]: expected a whole number, got a number with a fraction or an exponent, at line 1 column 15",
            ),
            (r#"{"shape":{}}"#, "shape: expected a list, got an object, at line 1 column 9"),
            (
                r#"{"shape":[99999999999999999999]}"#,
                "shape[0]: expected a whole number, got a number out of range, at line 1 column 30",
            ),
            (
                r#"{"rows":[{"size":1},{"size":-1}]}"#,
                "rows[1].size: expected a whole number from 0 up, got an integer out of range, at line 1 column 30",
            ),
            (r#"{"rows":[{"size":1},{}]}"#, "rows[1]: missing member \"size\", at line 1 column 22"),
            (r#"{"rows":[{"size":1,"size":2}]}"#, "rows[0]: duplicate member \"size\", at line 1 column 25"),
            (
                r#"{"rows":[{"size":1,"sise":2}]}"#,
                "rows[0]: unknown member \"sise\"; expected \"size\", at line 1 column 25",
            ),
            (
                "{\"name\":null,\n\"map\":{\"a\":1,\"b\":256}}",
                "map.b: expected a whole number from 0 to 255, got an integer out of range, at line 2 column 20",
            ),
            (
                r#"{"map":{"SECRET text":false}}"#,
                "map.…: expected a whole number from 0 to 255, got true or false, at line 1 column 27",
            ),
            (r#"{"kind":"SECRET"}"#, "kind: expected \"one\" or \"other\", got another text, at line 1 column 16"),
            (r#"{"pair":[1]}"#, "pair: expected a list of 2 entries, got 1, at line 1 column 11"),
            (r#"{"flag":"true"}"#, "flag: expected true or false, got a string, at line 1 column 14"),
            (r#"{"float":"1"}"#, "float: expected a number, got a string, at line 1 column 12"),
            (r#"{"float":1e400}"#, "float: a number out of range, at line 1 column 14"),
            (r#"{"name":"a\ud83d"}"#, "name: half of a surrogate pair, at line 1 column 17"),
            (r#"{"rows":[],"name":"\ude00"}"#, "name: half of a surrogate pair, at line 1 column 25"),
            (r#"{"name":"\ud83d\u0041"}"#, "name: half of a surrogate pair, at line 1 column 21"),
            (r#"{"\ud83d":1}"#, "half of a surrogate pair, at line 1 column 9"),
            ("", "not JSON: the body ends too early, at line 1 column 0"),
            (r#"{"name":"SECRET"#, "not JSON: the body ends too early, at line 1 column 15"),
            ("SECRET", "not JSON: expected value at line 1 column 1"),
            (r#"{"name":"a"} SECRET"#, "not JSON: trailing characters at line 1 column 14"),
            ("\u{feff}{}", "not JSON: it begins with a byte order mark; expected none"),
            (r#"{"any":[[]],"name":{}}"#, "name: expected a string, got an object, at line 1 column 19"),
            (r#"{"any":"\"]}","name":{}}"#, "name: expected a string, got an object, at line 1 column 21"),
        ] {
            assert_eq!(said(body), expected, "{body}");
        }
    }

    #[test]
    fn no_type_of_the_program_is_told() {
        macro_rules! of {
            ($($type:ty),*) => {
                [$(serde_json::from_str::<$type>("{\"a\":[]}").map(drop).expect_err(stringify!($type)),
                   serde_json::from_str::<$type>("[{}]").map(drop).expect_err(stringify!($type)),
                   serde_json::from_str::<$type>("1e9").map(drop).expect_err(stringify!($type))),*]
            };
        }
        // Each takes none of the three.
        let errors = of!(bool, String, &str, char, (), Row, Kind, (u8, u8), [u8; 3]);
        let numbers =
            ["i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "usize", "isize", "f32", "f64"];
        let programs =
            ["struct", "enum", "tuple", "sequence", "map", "unit", "Row", "Kind", "borrowed", "array", "integer `"];
        for error in errors {
            let said = JsonFault::of(b"", &error).message;
            for word in numbers.iter().chain(&programs) {
                assert!(
                    !said.split(|it: char| !it.is_alphanumeric() && it != '`').any(|said| said == *word),
                    "{word}: {said}"
                );
            }
        }
        for (error, expected) in [
            (serde_json::from_str::<i8>("[]").map(drop), "a whole number from -128 to 127"),
            (serde_json::from_str::<u16>("[]").map(drop), "a whole number from 0 to 65535"),
            (serde_json::from_str::<i32>("[]").map(drop), "a whole number from -2147483648 to 2147483647"),
            (serde_json::from_str::<u64>("[]").map(drop), "a whole number from 0 up"),
            (serde_json::from_str::<f64>("[]").map(drop), "a number"),
            (serde_json::from_str::<Option<()>>("[]").map(drop), "null"),
        ] {
            let said = JsonFault::of(b"[]", &error.expect_err(expected)).message;
            assert!(said.starts_with(&format!("expected {expected}, got a list")), "{said}");
        }
    }

    #[test]
    fn a_body_that_is_compressed_says_so() {
        let gzip = [0x1f, 0x8b, 8, 0];
        for (body, expected) in [
            (&gzip[..], "it looks like gzip; the header \"content-encoding: gzip\" is missing"),
            (&[0x78, 0x9c, 1], "it looks like zlib; the header \"content-encoding: deflate\" is missing"),
            (&[0x28, 0xb5, 0x2f, 0xfd], "it looks like zstd, which is not taken"),
        ] {
            let said = from_json::<Body>(body).expect_err(expected).to_string();
            assert_eq!(said, format!("not JSON: {expected}"));
        }
        assert!(said("x").starts_with("not JSON: expected value"), "a letter is no zlib");
    }

    #[test]
    fn a_name_is_told_in_part_and_an_unknown_one_is_kept_apart() {
        let long = "n".repeat(5000);
        let body = format!(r#"{{"{long}":1}}"#);
        let error = serde_json::from_str::<Body>(&body).expect_err("unknown");
        let fault = JsonFault::of(body.as_bytes(), &error);
        assert_eq!(fault.member.map(|name| name.len()), Some(64));
        assert!(fault.message.len() < 300, "{}", fault.message);
        let body = r#"{"rows":[{"size":1,"`, expected `x":2}]}"#;
        let error = serde_json::from_str::<Body>(body).expect_err("unknown");
        assert_eq!(JsonFault::of(body.as_bytes(), &error).member.as_deref(), Some("rows"));
        let deep = format!(r#"{{"any":{}{},"name":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(said(&deep).starts_with("name: expected a string, got an integer"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(body in "[\\[\\]{}:,\"\\\\unameshprow0-9.e -]{0,60}") {
            if let Err(error) = from_json::<Body>(body.as_bytes()) {
                proptest::prop_assert!(error.to_string().len() < 400);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let _ = from_json::<Body>(&body);
        }
    }
}
