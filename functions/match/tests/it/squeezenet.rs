//! A public image network, named when it is published: `SqueezeNet` with `ImageNet`'s thousand labels. The test is skipped without its
//! files, which are not committed.

use std::path::Path;

use amaas::task::{ImageAndTexts, RankedTexts};
use amaas_match::Match;
use amaas_model::publish::Publication;
use bytes::Bytes;

use crate::service::{committed, served_with, skip};

#[tokio::test]
async fn the_right_text_comes_first() {
    let folder = Path::new(&std::env::var_os("AMAAS_TEST_DATA").unwrap_or_default()).join("squeezenet");
    let Ok(network) = std::fs::read(folder.join("squeezenet_fp16.onnx")) else {
        return skip(
            "AMAAS_TEST_DATA is not set to a folder with squeezenet/: functions/match/model/README.md names its source",
        );
    };
    let (served, _folder) = served_with(squeezenet(&folder, network)).await;
    let names = ["a tabby cat", "an Egyptian cat", "a golden retriever", "a barracouta", "a school bus", "a teapot"];
    let things = ["a photo of a cat with stripes", "a friendly dog with golden fur", "somebody plays the guitar"];
    for (file, label, first, told) in [
        ("kitten_224.png", "tabby, tabby cat", "a tabby cat", Some(things[0])),
        ("cat.jpg", "Egyptian cat", "an Egyptian cat", Some(things[0])),
        ("dog.jpg", "golden retriever", "a golden retriever", Some(things[1])),
        // The small encoder has no fish in its training texts, so only the exact name ranks first.
        ("fish.png", "barracouta, snoek", "a barracouta", None),
    ] {
        let image = std::fs::read(folder.join(file)).expect("a sample image");
        let input = ImageAndTexts::new(image.clone(), names);
        let answer: RankedTexts = served.model().predict(&input).await.expect("an answer").into_prediction();
        assert_eq!(answer.labels[0].label, label, "{file}: {answer:?}");
        assert_eq!(answer.ranked[0].text, first, "{file}: {answer:?}");
        if let Some(told) = told {
            let input = ImageAndTexts::new(image, things);
            let answer: RankedTexts = served.model().predict(&input).await.expect("an answer").into_prediction();
            assert_eq!(answer.ranked[0].text, told, "{file}: {answer:?}");
        }
    }
}

/// The network with its labels, each without its number, and with the committed encoder.
fn squeezenet(folder: &Path, network: Vec<u8>) -> Publication {
    let labels = std::fs::read_to_string(folder.join("Labels.txt")).expect("labels beside the network");
    let labels: Vec<_> = labels.lines().filter_map(|line| Some(line.split_once(',')?.1)).collect();
    let mut publication = committed();
    publication.network = network.into();
    publication.golden = None;
    publication.assets.insert(Match::LABELS.to_owned(), labels.join("\n").into());
    let picture = Bytes::from_static(include_bytes!("../../model/squeezenet.json"));
    publication.assets.insert(Match::IMAGE_CONFIG.to_owned(), picture);
    publication
}
