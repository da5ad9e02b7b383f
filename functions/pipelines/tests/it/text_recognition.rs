//! Text recognition with the networks of PP-OCR through the whole stack, compared with what Python's `rapidocr` reads
//! (`tests/pipelines/ocr/`). `AMAAS_TEST_OCR` names the folder that `fetch.py` there fills.

use std::path::{Path, PathBuf};

use amaas_engine::onnx::NetworkFiles;
use amaas_local::served_model::ServedModel;
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;
use amaas_pipelines::vision::TextRecognition;
use amaas_wire::pipeline::{RecognizedText, TextRecognitionParameters};
use amaas_wire::task::Image;
use serde::Deserialize;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_read_as_by_rapidocr() {
    let Some(networks) = networks() else { return };
    let (served, _folder) = serve(&networks, "detection", &["recognition", "direction"]).await;
    let mut farthest = Difference::default();
    for case in cases() {
        let lines = read(&served, &case.image, &TextRecognitionParameters::default()).await;
        farthest.compare(&case.image, &lines, &case.lines);
    }
    assert!(farthest.lines >= 40);
    println!("{farthest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_needs_no_direction_classifier() {
    let Some(networks) = networks() else { return };
    let (served, _folder) = serve(&networks, "detection", &["recognition"]).await;
    let mut farthest = Difference::default();
    let turned = ["inverted", "upright", "upside-down"];
    for case in cases().into_iter().filter(|case| turned.contains(&case.image.as_str())) {
        let lines = read(&served, &case.image, &TextRecognitionParameters::default()).await;
        farthest.compare(&case.image, &lines, &case.without_direction);
    }
    assert!(farthest.lines > 0);
    println!("{farthest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recognizer_reads_images_of_one_line() {
    let Some(networks) = networks() else { return };
    let (served, _folder) = serve(&networks, "recognition", &[]).await;
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.as_line.is_some()).collect();
    assert_eq!(cases.len(), 2);
    for Case { image, as_line, .. } in cases {
        let lines = read(&served, &image, &TextRecognitionParameters::default()).await;
        let ([line], Some(expected)) = (lines.as_slice(), as_line) else { panic!("{image}: {lines:?}") };
        assert_eq!(line.text, expected.text, "{image}");
        assert!((line.score - expected.score).abs() <= MAX_SCORE_DIFFERENCE, "{image}: {line:?}");
        let size = image::image_dimensions(file(&image)).expect("a size");
        let [width, height] = [size.0, size.1].map(|side| f32::from(u16::try_from(side).expect("a small image")));
        assert_eq!(line.corners, [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_below_the_threshold_are_left_out() {
    let Some(networks) = networks() else { return };
    let (served, _folder) = serve(&networks, "detection", &["recognition"]).await;
    let all = read(&served, "page", &TextRecognitionParameters::default().threshold(0.0)).await;
    let threshold = all.iter().map(|line| line.score).fold(0.0, f32::max);
    let best = read(&served, "page", &TextRecognitionParameters::default().threshold(threshold)).await;
    assert!(best.len() < all.len() && best.iter().all(|line| line.score >= threshold), "{best:?}");
    let refused = TextRecognitionParameters::default().threshold(1.5);
    let image = [Image::from(std::fs::read(file("line")).expect("an image"))];
    let error = served.model().recognize_text(&image, &refused).await.expect_err("no probability").to_string();
    assert!(error.contains("parameters.threshold: expected a number from 0 to 1, got 1.5"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_is_a_row_of_each_network() {
    let Some(networks) = networks() else { return };
    let (served, _folder) = serve(&networks, "detection", &["recognition", "direction"]).await;
    let image = [Image::from(std::fs::read(file("inverted")).expect("an image"))];
    let all = TextRecognitionParameters::default().threshold(0.0);
    let answer = served.model().recognize_text(&image, &all).await.expect("an answer");
    assert_eq!(answer.usage().rows, 1 + 2 * answer.prediction().len() as u64);
}

/// A file of `cases.json`.
#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    image: String,
    lines: Vec<RecognizedText>,
    without_direction: Vec<RecognizedText>,
    as_line: Option<WholeLine>,
}

#[derive(Deserialize)]
struct WholeLine {
    text: String,
    score: f32,
}

/// The largest differences from `rapidocr`.
#[derive(Debug, Default)]
struct Difference {
    lines: usize,
    score: f32,
    pixels: f32,
}

impl Difference {
    /// Compares the lines of `image`: texts are equal, scores and corners are near.
    fn compare(&mut self, image: &str, got: &[RecognizedText], expected: &[RecognizedText]) {
        let texts = |lines: &[RecognizedText]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(got), texts(expected), "{image}");
        for (got, expected) in got.iter().zip(expected) {
            let corners = got.corners.iter().flatten().zip(expected.corners.iter().flatten());
            let pixels = corners.map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max);
            let score = (got.score - expected.score).abs();
            let is_near = pixels <= MAX_CORNER_DIFFERENCE && score <= MAX_SCORE_DIFFERENCE;
            assert!(is_near, "{image}: expected {expected:?}, got {got:?}");
            self.lines += 1;
            self.score = self.score.max(score);
            self.pixels = self.pixels.max(pixels);
        }
    }
}

/// The folder with the networks; `None` if the test is skipped.
fn networks() -> Option<PathBuf> {
    let folder = std::env::var_os("AMAAS_TEST_OCR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: AMAAS_TEST_OCR is not set to a folder that tests/pipelines/ocr/fetch.py has filled");
    }
    folder
}

/// Serves the network `own` of `folder`, with auxiliary networks.
async fn serve(folder: &Path, own: &str, others: &[&str]) -> (ServedModel, TempDir) {
    let path = |name: &str| folder.join(format!("{name}.onnx"));
    let mut publication = Publication::of_file("ocr".parse().expect("a name"), &path(own)).expect("a network");
    publication.task = Some("text-recognition".to_owned());
    let network = |name: &&str| ((*name).to_owned(), NetworkFiles::read(&path(name)).expect("a network"));
    publication.networks = others.iter().map(network).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tasks = Tasks::default().with::<TextRecognition>();
    let served = ServedModel::start(folder.path(), publication, &tasks).await.expect("it answers its example");
    (served, folder)
}

async fn read(served: &ServedModel, image: &str, parameters: &TextRecognitionParameters) -> Vec<RecognizedText> {
    let image = Image::from(std::fs::read(file(image)).expect("an image"));
    let answer = served.model().recognize_text(&[image], parameters).await.expect("an answer");
    answer.prediction().clone()
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(root().join("cases.json")).expect("the cases");
    serde_json::from_str::<Cases>(&text).expect("the cases").cases
}

fn file(image: &str) -> PathBuf {
    root().join("images").join(format!("{image}.png"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pipelines/ocr")
}

/// Resampling differs by a level for some pixels, which changes probabilities a little.
const MAX_SCORE_DIFFERENCE: f32 = 0.01;
/// A pixel of the probability map that is near the threshold moves a corner by up to two pixels.
const MAX_CORNER_DIFFERENCE: f32 = 3.0;
