//! `amaas inspect`: files, folders and published models.

use crate::program::{Dev, amaas, json, text};

const SENTIMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/sentiment.onnx");
/// Its activations are quantised by the smallest and largest of all rows.
const EMBED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/embed/model/embed.onnx");
const GENERATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/generate/model/generate.onnx");

#[test]
fn a_file_is_described_and_told_why_its_rows_are_not_independent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let network = json(here, &["inspect", SENTIMENT]);
    assert_eq!(network["inputs"][0]["name"], "input_ids");
    assert_eq!(
        (&network["inputs"][0]["datatype"], &network["inputs"][0]["optional"]),
        (&"INT64".into(), &false.into())
    );
    assert_eq!(network["inputs"][0]["shape"][1], 256);
    assert!(network["operator_sets"]["ai.onnx"].as_u64() > Some(0), "{network}");
    assert_eq!(network["rows"], serde_json::json!({ "independent": true, "node": null, "because": null }));

    let network = json(here, &["inspect", EMBED]);
    assert_eq!(network["rows"]["independent"], false);
    let node = network["rows"]["node"].as_str().unwrap_or_default();
    assert!(node.contains("DynamicQuantize"), "{}", network["rows"]);
    let told = text(here, &["inspect", EMBED]);
    assert!(told.contains("operator sets: ai.onnx ") && told.contains("input_ids"), "{told}");
    assert!(told.contains("rows are independent: not proven (") && told.contains(node), "{told}");

    // A decoder's caches have the batch in another dimension.
    assert_eq!(json(here, &["inspect", GENERATE])["rows"]["independent"], true);

    // A folder is all of its files.
    for (from, to) in [(SENTIMENT, "b.onnx"), (EMBED, "a.onnx")] {
        std::fs::copy(from, here.join(to)).expect("copied");
    }
    let all = json(here, &["inspect", "."]);
    let files: Vec<_> = all.as_array().expect("a list").iter().map(|network| network["file"].clone()).collect();
    assert_eq!(files, ["./a.onnx", "./b.onnx"]);

    for what in ["nowhere.onnx", "no/where", "Not A Model"] {
        let output = amaas(here, &["inspect", what]);
        assert!(!output.status.success(), "{what}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(what), "{what}");
    }
}

#[test]
fn the_publishers_word_is_signed_and_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let _dev = Dev::start(here);
    for (policy, batching, told) in [
        ("off", "none", "calls share runs: no"),
        ("same-tenant", "same-tenant", "calls share runs: of one tenant (by the publisher's word)"),
        ("auto", "rows", "calls share runs: yes (rows are proven independent, by analysis 1)"),
    ] {
        let published = json(here, &["publish", SENTIMENT, "--name", "word", "--batching", policy]);
        assert_eq!(
            (&published["new"], &published["manifest"]["batching"]),
            (&true.into(), &batching.into()),
            "{policy}"
        );
        assert!(text(here, &["inspect", "word"]).contains(told), "{policy}");
        assert_eq!(json(here, &["inspect", "word"]), published["manifest"], "{policy}");
    }
    assert!(text(here, &["inspect", "word:1"]).contains("version 1"), "an older version by its number");
    assert!(text(here, &["publish", SENTIMENT, "--name", "word", "--batching", "off"]).contains("switched off"));
}
