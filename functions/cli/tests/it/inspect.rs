//! `amaas inspect`: files, folders and published models.

use crate::program::{Dev, amaas, json, text};

const SENTIMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/sentiment.onnx");
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

    let sum = here.join("a.onnx");
    std::fs::write(&sum, running_sum()).expect("written");
    let sum = sum.to_str().expect("UTF-8");
    let network = json(here, &["inspect", sum]);
    assert_eq!(network["rows"]["independent"], false);
    let node = network["rows"]["node"].as_str().unwrap_or_default();
    assert!(node.contains("CumSum"), "{}", network["rows"]);
    let told = text(here, &["inspect", sum]);
    assert!(told.contains("operator sets: ai.onnx 17") && told.contains("[n]"), "{told}");
    assert!(told.contains("rows are independent: not proven (") && told.contains(node), "{told}");

    // A decoder's KV cache has the batch in another dimension.
    assert_eq!(json(here, &["inspect", GENERATE])["rows"]["independent"], true);

    // A folder is inspected file by file.
    std::fs::copy(SENTIMENT, here.join("b.onnx")).expect("copied");
    let all = json(here, &["inspect", "."]);
    let files: Vec<_> =
        all["networks"].as_array().expect("a list").iter().map(|network| network["file"].clone()).collect();
    assert_eq!(files, ["./a.onnx", "./b.onnx"]);
    assert_eq!(all["error"], ".: expected one network, got a.onnx, b.onnx; publish one of these files");

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

/// `y[i] = x[0] + … + x[i]` over `x`, FP32 `[n]`: dependent rows. Field numbers are those of `onnx.proto`.
fn running_sum() -> Vec<u8> {
    let field =
        |number: u8, bytes: &[u8]| [&[number << 3 | 2, u8::try_from(bytes.len()).expect("short")], bytes].concat();
    let tensor = |name: &[u8]| {
        let shape = field(2, &field(1, &field(2, b"n")));
        [field(1, name), field(2, &field(1, &[&[1 << 3, 1][..], &shape].concat()))].concat()
    };
    let node = [field(1, b"x"), field(1, b"axis"), field(2, b"y"), field(3, b"sum"), field(4, b"CumSum")].concat();
    // INT64 `[1]`, of 0.
    let axis = [&[1 << 3, 1, 2 << 3, 7][..], &field(8, b"axis"), &field(9, &[0; 8])].concat();
    let graph = [field(1, &node), field(2, b"g"), field(5, &axis), field(11, &tensor(b"x")), field(12, &tensor(b"y"))];
    [vec![1 << 3, 9], field(7, &graph.concat()), field(8, &[2 << 3, 17])].concat()
}
