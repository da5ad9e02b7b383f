//! The matching function as a whole: published, loaded, served over http, called sealed through the SDK.

use amaas::task::{ImageAndTexts, RankedTexts};
use amaas_cli::served::Served;
use amaas_match::{Match, bundle};
use amaas_serve::config::live;
use amaas_serve::task::{Matcher, Tasks};
use tempfile::TempDir;

async fn served() -> (Served, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bundle = bundle(live()).expect("the committed model is whole");
    let served = Served::start(folder.path(), bundle, &Tasks::default().with_matcher::<Match>()).await;
    (served.expect("the committed model can be served"), folder)
}

#[tokio::test]
async fn the_text_that_tells_what_is_there_comes_first() {
    let (served, _folder) = served().await;
    let mut input = amaas_match_example();
    input.texts = ["a tabby cat", "a handwritten four", "a handwritten seven"].map(str::to_owned).to_vec();
    let answer: RankedTexts = served.model().predict(&input).await.expect("an answer").into_prediction();
    println!("{answer:?}");
    assert_eq!(answer.ranked[0].text, "a handwritten seven", "{answer:?}");
    assert_eq!(answer.ranked[2].text, "a tabby cat", "{answer:?}");
}

fn amaas_match_example() -> ImageAndTexts {
    serde_json::from_str(Match::EXAMPLE).expect("an image and texts")
}
