//! The matching function end to end: published, loaded, served over HTTP, called sealed through the SDK.

mod refusals;
mod service;
mod squeezenet;

use amaas::task::{Image, ImageAndTexts, RankedTexts};
use amaas::{Answer, ErrorKind};
use serde::Deserialize;

use crate::service::{example, served};

/// The results of `model/conformance.py`, from Python.
#[derive(Deserialize)]
struct Matches {
    atol: f32,
    cases: Vec<Match>,
}

#[derive(Deserialize)]
struct Match {
    image: String,
    texts: Vec<String>,
    scores: Vec<f32>,
}

/// The images of the digits function.
#[derive(Deserialize)]
struct Images {
    cases: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Drawn {
    what: String,
    digit: usize,
    image: Image,
}

fn images() -> Vec<Drawn> {
    let json = include_str!("../../../digits/model/images.json");
    serde_json::from_str::<Images>(json).expect("the committed images").cases
}

#[tokio::test]
async fn texts_are_ranked_as_by_python_alone_and_among_others() {
    let (served, _folder) = served().await;
    let matches: Matches = serde_json::from_str(include_str!("../../model/matches.json")).expect("committed");
    assert_eq!(matches.cases.len(), 10);
    let images = images();
    let input = |case: &Match| {
        let drawn = images.iter().find(|drawn| drawn.what == case.image).expect("a committed image");
        ImageAndTexts { image: drawn.image.clone(), texts: case.texts.clone() }
    };
    let inputs: Vec<_> = matches.cases.iter().map(input).collect();
    let mut together = Vec::new();
    for part in inputs.chunks(8) {
        let answer: Answer<RankedTexts> = served.model().predict_many(part).await.expect("an answer");
        together.extend(answer.into_predictions());
    }
    for ((case, input), together) in matches.cases.iter().zip(&inputs).zip(&together) {
        let alone: RankedTexts = served.model().predict(input).await.expect("an answer").into_prediction();
        for answer in [&alone, together] {
            assert!(answer.ranked.is_sorted_by(|a, b| a.score >= b.score), "{answer:?}");
            assert_eq!(answer.ranked.len(), case.texts.len());
            for text in &answer.ranked {
                assert_eq!(text.text, case.texts[text.index]);
                let expected = case.scores[text.index];
                assert!((text.score - expected).abs() <= matches.atol, "{}: {text:?}, {expected}", case.image);
            }
        }
        assert_eq!(alone.ranked[0].index, together.ranked[0].index);
        assert_eq!(alone.labels.len(), 5);
    }
}

#[tokio::test]
async fn a_drawn_digit_is_told_from_others_and_from_other_things() {
    let (served, _folder) = served().await;
    let names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    for drawn in images() {
        let mut texts: Vec<_> = names.iter().map(|name| format!("a handwritten {name}")).collect();
        texts.extend(["a tabby cat".to_owned(), "The film was a waste of two hours.".to_owned()]);
        let input = ImageAndTexts { image: drawn.image, texts };
        let answer = served.model().predict(&input).await.expect("an answer");
        assert!(answer.usage().rows > 12, "both networks count: {:?}", answer.usage());
        let answer: RankedTexts = answer.into_prediction();
        assert_eq!(answer.ranked[0].index, drawn.digit, "{}: {answer:?}", drawn.what);
        assert!(answer.labels[0].label.starts_with(names[drawn.digit]), "{answer:?}");
        assert!(answer.ranked[10..].iter().all(|text| text.index >= 10), "{answer:?}");
    }
}

#[tokio::test]
async fn equal_texts_stand_as_they_came() {
    let (served, _folder) = served().await;
    let input = ImageAndTexts::new(example().image, ["a cat", "a dog", "a cat", "", "a cat"]);
    let answer: RankedTexts = served.model().predict(&input).await.expect("an answer").into_prediction();
    let cats: Vec<_> = answer.ranked.iter().filter(|text| text.text == "a cat").map(|text| text.index).collect();
    assert_eq!(cats, [0, 2, 4], "{answer:?}");
    assert!(answer.ranked.iter().any(|text| text.text.is_empty()), "an empty text stands among the others");
}

#[tokio::test]
async fn what_cannot_be_matched_is_refused() {
    let (served, _folder) = served().await;
    let good = example();
    let with = |texts: &[&str], image: &[u8]| ImageAndTexts::new(image.to_vec(), texts.iter().copied());
    let many = vec!["a"; 257];
    let bomb = bomb();
    for (input, expected) in [
        (with(&[], good.image.as_bytes()), "inputs[1]: texts: expected at least one, got none"),
        (with(&many, good.image.as_bytes()), "inputs[1]: texts: expected at most 256, got 257"),
        (with(&["a"], b""), "inputs[1]: image: expected a PNG, JPEG or WebP file, got something else"),
        (with(&["a"], b"GIF89a"), "inputs[1]: image: expected a PNG, JPEG or WebP file, got something else"),
        (with(&["a"], &good.image.as_bytes()[..60]), "inputs[1]: image: expected a whole PNG, JPEG or WebP file"),
        (with(&["a"], &bomb), "inputs[1]: image: expected at most 8192 pixels a side"),
    ] {
        let inputs = [good.clone(), input];
        let error = served.model().predict_many::<RankedTexts>(&inputs).await.expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = served.model().predict_many::<RankedTexts>(&vec![good; 9]).await.expect_err("nine");
    assert!(error.to_string().contains("inputs: expected at most 8 entries, got more"), "{error}");
    for (input, expected) in [
        (serde_json::json!({"texts": ["a"]}), "missing member \"image\""),
        (serde_json::json!({"image": "AAAA"}), "missing member \"texts\""),
        (serde_json::json!({"image": "no base64!", "texts": ["a"]}), "expected an image file in base64, with padding"),
        (serde_json::json!("a handwritten seven"), "inputs[0]: expected an object, got a string"),
    ] {
        let error = served.model().predict::<RankedTexts>(&input).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// A PNG of some kilobytes whose header declares 100 megapixels.
fn bomb() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(8192, 2049).write_to(&mut file, image::ImageFormat::Png).expect("PNG can be written");
    file.into_inner()
}
