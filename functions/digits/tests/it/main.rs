//! The digits model through the whole stack: published, loaded, served, called through the SDK, sealed.

use amaas::task::{DigitClassification, Image};
use amaas::{Answer, ErrorKind};
use amaas_digits::{Digits, bundle};
use amaas_local::served_model::ServedModel;
use amaas_model::task::{Rows, Tasks};
use amaas_store::live;
use serde::Deserialize;
use tempfile::TempDir;

async fn served() -> (ServedModel, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bundle = bundle(live()).expect("the committed model is whole");
    let served = ServedModel::start(folder.path(), bundle, &Tasks::default().with::<Rows<Digits>>()).await;
    (served.expect("the committed model can be served"), folder)
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

/// An image with its digit, and the results of an independent Python program.
#[derive(Deserialize)]
struct Case {
    what: String,
    digit: u8,
    image: Image,
    #[serde(default)]
    atol: f32,
    probabilities: Option<[f32; 10]>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str::<Cases>(include_str!("../../model/images.json")).expect("the committed cases").cases
}

fn near(one: &[f32; 10], other: &[f32; 10], atol: f32) -> bool {
    one.iter().zip(other).all(|(one, other)| (one - other).abs() <= atol)
}

#[tokio::test]
async fn images_are_read_as_by_python_alone_and_among_others() {
    let (served, _folder) = served().await;
    let cases = cases();
    assert!(cases.len() >= 30);
    let images: Vec<&Image> = cases.iter().map(|case| &case.image).collect();
    let together: Answer<DigitClassification> = served.model().predict_many(&images).await.expect("an answer");
    for (case, together) in cases.iter().zip(together.predictions()) {
        let alone: DigitClassification =
            served.model().predict(&case.image).await.expect("an answer").into_prediction();
        assert_eq!(alone.digit, case.digit, "{}: {alone:?}", case.what);
        assert!(near(&alone.probabilities, &together.probabilities, 1e-5), "{}: {alone:?} {together:?}", case.what);
        if let Some(expected) = &case.probabilities {
            assert!(near(&alone.probabilities, expected, case.atol), "{}: {alone:?} {expected:?}", case.what);
        }
        assert!((alone.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((alone.probability - alone.probabilities[usize::from(alone.digit)]).abs() < f32::EPSILON);
    }
}

#[tokio::test]
async fn what_is_no_image_of_a_digit_is_refused() {
    let (served, _folder) = served().await;
    let good = cases().remove(0).image;
    for (file, expected) in [
        (&b"GIF89a"[..], "inputs[1]: expected a PNG, JPEG or WebP file, got something else"),
        (b"", "inputs[1]: expected a PNG, JPEG or WebP file, got something else"),
        (
            &good.as_bytes()[..60],
            "inputs[1]: expected a whole PNG, JPEG or WebP file, got one that is damaged or cut short",
        ),
    ] {
        let images = [good.clone(), Image::from(file.to_vec())];
        let error = served.model().predict_many::<DigitClassification>(&images).await.expect_err("no image");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{error}");
    }
    // The shape of the input, for clients that write it without the SDK's type.
    for other in [serde_json::json!("no base64!"), serde_json::json!("AA"), serde_json::json!({"image": "AAAA"})] {
        let error = served.model().predict::<DigitClassification>(&other).await.expect_err("no base64");
        assert!(error.to_string().contains("expected an image file in base64, with padding"), "{error}");
    }
}
