//! Networks as exporters write them (`tests/rows/exports`), and those of this repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use amaas_e2e::skip;
use amaas_model::publish::{NetworkFiles, NotProven, prove_rows};

use super::ROWS;
use super::trial::Runner;
use super::values::Range;

#[test]
fn exports_are_proven_as_far_as_they_are_independent() {
    let (expected, mut wrong) = (expected(), Vec::new());
    for (name, reason) in &expected {
        match (prove(&export(name)), reason) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some(reason)) => wrong.push(format!("{name}: proven, but {reason}")),
            (Err(why), None) => wrong.push(format!("{name}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
    let proven = expected.values().filter(|reason| reason.is_none()).count();
    assert!(proven >= 14, "{proven} are proven");
}

#[test]
fn every_export_is_in_the_list() {
    let files =
        std::fs::read_dir(Path::new(ROWS).join("exports")).expect("a folder").map(|it| it.expect("a file").path());
    let networks = files.filter(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    let names: Vec<_> = networks.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    let expected = expected();
    assert!(names.iter().all(|name| expected.contains_key(name)), "{names:?}");
    assert_eq!(names.len(), expected.len());
}

/// The lists agree with ONNX Runtime, which runs rows alone and together.
#[tokio::test]
async fn exports_give_alone_what_they_give_together() {
    let mut other = Vec::new();
    for (name, _) in expected().into_iter().filter(|(_, reason)| reason.is_none()) {
        let file = std::fs::read(export(&name)).expect("a file");
        let mut runner = Runner::new(&file).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        for (of, symbol, size) in SIZES {
            if of.is_empty() || of.contains(&name.as_str()) {
                runner.ranges.sizes.insert(symbol.to_owned(), size);
            }
        }
        for input in ["attention_mask", "token_type_ids", "encoder_attention_mask"] {
            runner.ranges.values.insert(input.to_owned(), Range::Whole(0, 1));
        }
        let trial = runner.trial(1, 3, 1.0);
        if trial != Ok(None) {
            other.push(format!("{name}: {trial:?}"));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

/// The rows of `generate` are in another dimension of the KV cache, and are tested there.
#[test]
fn networks_of_this_project_are_proven() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let mut wrong = Vec::new();
    for function in ["digits", "embed", "names", "sentiment"] {
        let path = functions.join(function).join(format!("model/{function}.onnx"));
        wrong.extend(prove(&path).err().map(|why| format!("{function}: {why}")));
    }
    for name in ["minilm", "minilm-int8"] {
        let path = functions.join(format!("embed/model/built/{name}.onnx"));
        if path.is_file() {
            wrong.extend(prove(&path).err().map(|why| format!("{name}: {why}")));
        } else {
            skip(&format!("{name}.onnx is not built; functions/embed/model/README.md says how"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names of exports, with the reason if rows are not independent.
fn expected() -> BTreeMap<String, Option<String>> {
    let list = std::fs::read_to_string(Path::new(ROWS).join("exports/expected.txt")).expect("a list");
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| match line.split_once(": ") {
        Some((name, reason)) => (name.to_owned(), Some(reason.to_owned())),
        None => (line.to_owned(), None),
    };
    lines.map(entry).collect()
}

fn export(name: &str) -> PathBuf {
    Path::new(ROWS).join("exports").join(format!("{name}.onnx"))
}

fn prove(path: &Path) -> Result<(), NotProven> {
    prove_rows(&NetworkFiles::read(path).expect("an ONNX file")).expect("an ONNX file")
}

/// Sizes of dimensions, for the named exports or for all; the last one wins.
const SIZES: [(&[&str], &str, usize); 11] = [
    (&[], "height", 32),
    (&[], "width", 32),
    (&[], "sequence_length", 4),
    (&[], "past_sequence_length + 1", 7),
    (&["vit", "vit-fused", "deit", "beit"], "height", 16),
    (&["vit", "vit-fused", "deit", "beit"], "width", 16),
    (&["swin"], "height", 8),
    (&["swin"], "width", 8),
    (&["hubert", "wav2vec2", "wavlm"], "sequence_length", 400),
    (&["whisper-encoder"], "feature_size", 80),
    (&["whisper-encoder"], "encoder_sequence_length", 3000),
];
