use super::*;

fn read(body: &str) -> Result<Vec<String>, String> {
    let read = PredictRequest::<_, NoParameters>::from_json(body.as_bytes(), 3);
    read.map(|read| read.inputs).map_err(|error| error.to_string())
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct TopK {
    top_k: usize,
}

#[test]
fn parameters_are_read_strictly() {
    let read = |body: &str| PredictRequest::<String, TopK>::from_json(body.as_bytes(), 3);
    for body in [r#"{"inputs":["a"],"parameters":{"top_k":2}}"#, r#"{"parameters":{"top_k":2},"inputs":["a"]}"#] {
        assert_eq!(read(body).expect(body).parameters, Some(TopK { top_k: 2 }), "{body}");
    }
    assert_eq!(read(r#"{"inputs":["a"],"parameters":null}"#).expect("none").parameters, None);
    for (body, expected) in [
        (r#"{"inputs":["a"],"parameters":{"top_k":-1}}"#, "parameters.top_k: expected a whole number from 0"),
        (r#"{"inputs":["a"],"parameters":{"top":1}}"#, "parameters: unknown member \"top\"; expected \"top_k\""),
        (r#"{"inputs":["a"],"parameters":[]}"#, "parameters: "),
        (r#"{"inputs":["a"],"partial":1}"#, "partial: expected true or false, got an integer"),
        (r#"{"inputs":["a"],"partial":true,"partial":true}"#, "duplicate member \"partial\""),
    ] {
        let error = read(body).expect_err(body).to_string();
        assert!(error.starts_with(expected), "{body}: {error}");
    }
    let none = PredictRequest::<String, NoParameters>::from_json(br#"{"inputs":["a"],"parameters":{"top_k":1}}"#, 3);
    assert!(none.expect_err("none").to_string().starts_with("parameters: unknown member \"top_k\""));
}

#[test]
fn a_bad_input_fails_alone_if_the_client_asks_for_that() {
    let each = |body: &str| PredictRequest::<String, NoParameters>::each_from_json(body.as_bytes(), 3);
    let read = each(r#"{"partial":true,"inputs":["a",{"b":[7]},"\ud83d"]}"#).expect("partial");
    let inputs: Vec<_> = read.inputs.into_iter().map(|input| input.map_err(|error| error.to_string())).collect();
    assert_eq!(inputs[0], Ok("a".to_owned()));
    assert!(inputs[1].as_ref().is_err_and(|error| error.starts_with("expected a string, got an object")), "{inputs:?}");
    assert!(inputs[2].as_ref().is_err_and(|error| error.starts_with("half of a surrogate pair")), "{inputs:?}");
    for body in [
        r#"{"inputs":["a",7]}"#,
        r#"{"inputs":["a",7],"partial":false}"#,
        r#"{"inputs":["a",7],"partial":true,"more":1}"#,
        r#"{"inputs":["a",7],"partial":true"#,
        r#"{"inputs":["a",7,8,9],"partial":true}"#,
    ] {
        each(body).expect_err(body);
    }
}

#[test]
fn no_call_has_no_units_and_none_has_fewer_than_rows() {
    for (rows, tokens, units) in [(0, None, 1), (3, None, 3), (3, Some(0), 3), (3, Some(7), 7), (0, Some(0), 1)] {
        let usage = Usage::new(rows, 1);
        let usage = tokens.map_or(usage, |tokens| usage.with_tokens(tokens));
        assert_eq!(usage.units(), units, "{rows} rows, {tokens:?} tokens");
    }
}

#[test]
fn up_to_the_limit_is_read() {
    assert_eq!(read(r#"{"inputs":[]}"#), Ok(vec![]));
    assert_eq!(read(r#"{"inputs":["a","b","c"]}"#).map(|inputs| inputs.len()), Ok(3));
    let expected = Err("inputs: expected at most 3 entries, got more".to_owned());
    assert_eq!(read(r#"{"inputs":["a","b","c","d"]}"#), expected);
    assert_eq!(read(r#"{"inputs":["a","b","c","d", and what comes is not read"#), expected);
}

#[test]
fn an_entry_of_an_object_is_read_strictly() {
    use crate::task::{ImageAndTexts, Prompt};
    let prompt =
        |body: &str| PredictRequest::<Prompt, NoParameters>::from_json(body.as_bytes(), 9).expect_err(body).to_string();
    let image = |body: &str| {
        PredictRequest::<ImageAndTexts, NoParameters>::from_json(body.as_bytes(), 9).expect_err(body).to_string()
    };
    for (error, expected) in [
        (
            prompt(r#"{"inputs":["a",{"prompt":"a","top_k":1}]}"#),
            "inputs[1]: unknown member \"top_k\"; expected \"prompt\", ",
        ),
        (
            prompt(r#"{"inputs":[{"prompt":"a","stop":["a","b","c","d","e"]}]}"#),
            "inputs[0].stop: expected at most 4 texts, got 5",
        ),
        (prompt(r#"{"inputs":[{"prompt":"\ud83d"}]}"#), "inputs[0].prompt: half of a surrogate pair"),
        (
            prompt(r#"{"inputs":[{"prompt":"a","seed":1.5}]}"#),
            "inputs[0].seed: expected a whole number, got a number with",
        ),
        (
            image(r#"{"inputs":[{"image":"!","texts":[]}]}"#),
            "inputs[0].image: expected an image file in base64, with padding",
        ),
        (image(r#"{"inputs":[{"image":"","texts":[7]}]}"#), "inputs[0].texts[0]: expected a string, got an integer"),
        (
            image(r#"{"inputs":[{"image":"","texts":[],"top":1}]}"#),
            "inputs[0]: unknown member \"top\"; expected \"image\" or",
        ),
    ] {
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn errors_are_those_of_any_body() {
    for (body, expected) in [
        ("", "not JSON: the body ends too early, at line 1 column 0"),
        ("{}", "missing member \"inputs\", at line 1 column 2"),
        ("7", "expected an object, got an integer, at line 1 column 1"),
        (r#"{"inputs":7}"#, "inputs: expected a list, got an integer, at line 1 column 11"),
        (r#"{"inputs":["",7]}"#, "inputs[1]: expected a string, got an integer, at line 1 column 15"),
        (r#"{"inputs":[],"inputs":[]}"#, "duplicate member \"inputs\", at line 1 column 21"),
        (
            r#"{"top_k":1,"inputs":[]}"#,
            "unknown member \"top_k\"; expected \"inputs\", \"parameters\" or \"partial\", at line 1 column 8",
        ),
        (r#"{"inputs":["\ud83d"]}"#, "inputs[0]: half of a surrogate pair, at line 1 column 19"),
        (r#"{"inputs":[]} x"#, "not JSON: trailing characters at line 1 column 15"),
    ] {
        assert_eq!(read(body), Err(expected.to_owned()), "{body}");
    }
}
