//! Folders that exporters wrote, published as they are.

use std::path::{Path, PathBuf};

use crate::program::{Dev, amaas, json, text};

#[test]
fn a_folder_is_inspected_published_and_called() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let reviews = copied(here, "distilbert-sst2");
    let reviews = reviews.to_str().expect("UTF-8");

    let report = json(here, &["inspect", reviews]);
    assert_eq!(report["pipeline"]["name"], "text-classification");
    let because = "config.json: architectures: DistilBertForSequenceClassification";
    assert_eq!(report["pipeline"]["because"], because);
    assert_eq!((&report["error"], &report["warnings"]), (&serde_json::Value::Null, &serde_json::json!([])));
    let network = &report["networks"][0];
    assert!(network["parameters"].as_u64() > Some(1000), "{network}");
    assert!(network["operators"]["ai.onnx"]["MatMul"].as_u64() > Some(0), "{network}");

    let _dev = Dev::start(here);
    let published = json(here, &["publish", reviews, "--name", "reviews"]);
    assert_eq!(published["manifest"]["task"], "text-classification");
    assert_eq!(published["pipeline_because"], because);
    let mut files: Vec<_> = published["manifest"]["assets"].as_object().expect("assets").keys().collect();
    files.sort();
    assert_eq!(files, ["config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]);
    let said = text(here, &["publish", reviews, "--name", "reviews"]);
    assert!(said.contains(&format!("pipeline: text-classification ({because})")), "{said}");

    wait_until_served(here, "reviews");
    let answer = json(here, &["predict", "reviews", "A wonderful film."]);
    let labels: Vec<_> =
        answer["predictions"][0].as_array().expect("labels").iter().map(|it| it["label"].clone()).collect();
    assert_eq!(labels.len(), 2, "{answer}");

    // A label file and another pipeline replace what the folder says.
    std::fs::write(here.join("labels.txt"), "bad\ngood\n").expect("written");
    let published = json(here, &["publish", reviews, "--name", "other", "--label-file", "labels.txt"]);
    assert!(published["manifest"]["assets"]["pipeline.json"].is_object(), "{published}");
    let published = json(here, &["publish", reviews, "--name", "tensors", "--pipeline", "tensors"]);
    assert_eq!(
        (&published["manifest"]["task"], &published["manifest"]["assets"]),
        (&serde_json::Value::Null, &serde_json::json!({}))
    );
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_uploaded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let _dev = Dev::start(here);
    let reviews = copied(here, "distilbert-sst2");
    let publish = |options: &[&str]| {
        let folder = reviews.to_str().expect("UTF-8");
        let output = amaas(here, &[&["publish", folder, "--name", "refused"], options].concat());
        assert!(!output.status.success(), "{options:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let write = |name: &str, text: &str| std::fs::write(reviews.join(name), text).expect("written");
    let refuses = |options: &[&str], expected: &str| {
        let error = publish(options);
        assert!(error.contains(expected), "{options:?}: expected {expected:?} in {error}");
    };

    refuses(&["--pipeline", "text-clasification"], "did you mean \"text-classification\"?");
    refuses(&["--task", "sentimant"], "no task \"sentimant\"");
    refuses(&["--pooling", "cls"], "--pooling has no effect on text-classification; it is for feature-extraction");
    refuses(
        &["--variant", "q4"],
        "expected a network of the variant \"q4\"; the variants are: fp16, none (no suffix), quantized",
    );
    refuses(&["--pipeline", "image-classification"], "preprocessor_config.json");
    refuses(
        &["--pipeline", "token-classification"],
        "output \"logits\": expected the shape [batch, sequence, classes]",
    );
    write("labels.txt", "one\ntwo\nthree\n");
    let labels = reviews.join("labels.txt");
    refuses(
        &["--label-file", labels.to_str().expect("UTF-8")],
        "expected 2 labels, one for each class of the network, got 3",
    );

    let config = std::fs::read_to_string(reviews.join("config.json")).expect("read");
    write("config.json", &config.replace("DistilBertForSequenceClassification", "BertForMultipleChoice"));
    refuses(&[], "no pipeline serves the head \"MultipleChoice\"; `--pipeline tensors` publishes the network as it is");
    write("config.json", "{\"architectures\":");
    refuses(&[], "config.json: EOF while parsing");
    write("config.json", &config);

    let tokenizer = reviews.join("tokenizer.json");
    std::fs::remove_file(&tokenizer).expect("removed");
    refuses(&[], "tokenizer.json: expected it in the folder, got vocab.txt only");
    std::os::unix::fs::symlink("/etc/hostname", &tokenizer).expect("linked");
    refuses(&[], "tokenizer.json: it is a link out of the folder");
    let listed = json(here, &["models"]);
    assert!(!listed.to_string().contains("refused"), "{listed}");
}

/// A copy of the export `name` in `folder`.
fn copied(folder: &Path, name: &str) -> PathBuf {
    let copy = folder.join(name);
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pipelines/exports").join(name), &copy);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let (path, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry");
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("copied");
        }
    }
}

/// Waits until `dev` has loaded the model `name`.
fn wait_until_served(folder: &Path, name: &str) {
    for _ in 0..100 {
        let listed = json(folder, &["models"]);
        if listed.to_string().contains(name) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{name} is not served");
}
