//! `amaas models` and `amaas store`, beside `amaas dev`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Dev, amaas, json, text};

const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/sentiment.onnx");
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/golden.json");

#[test]
fn versions_and_models_are_removed_and_their_blobs_pruned() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let dev = Dev::start(here);
    json(here, &["publish", NETWORK, "--name", "any"]);
    let second = json(here, &["publish", NETWORK, "--name", "any", "--golden", GOLDEN]);
    assert_eq!((&second["new"], &second["moved"], &second["from"]), (&true.into(), &true.into(), &"1".into()));

    // Publishing a published network again moves the alias, and reports it.
    json(here, &["alias", "any", "live", "1"]);
    let said = text(here, &["publish", NETWORK, "--name", "any", "--golden", GOLDEN]);
    assert!(said.starts_with("already published: any version 2"), "{said}");
    assert!(said.contains("alias live of any points to version 2; it pointed to version 1\n"), "{said}");
    let said = text(here, &["publish", NETWORK, "--name", "any", "--golden", GOLDEN]);
    assert!(said.contains("alias live of any points to version 2, as before\n"), "{said}");

    let versions = json(here, &["models", "versions", "any"]);
    let of = |row: &Value| (row["version"].clone(), row["aliases"].clone());
    let rows: Vec<_> = versions.as_array().expect("a list").iter().map(of).collect();
    assert_eq!(rows, [("1".into(), Value::Array(Vec::new())), ("2".into(), vec!["live"].into())]);
    assert!(text(here, &["models", "versions", "any"]).contains("2        live     20"), "the day");

    for (arguments, refusal, remedy) in [
        (&["models", "remove", "any", "--version", "2"][..], "its aliases point to: live", "amaas alias"),
        (&["models", "remove", "any", "--version", "3"], "model any has no version 3", "amaas models versions any"),
        (&["models", "remove", "nope"], "the store has no model nope", "amaas models"),
        (&["models", "versions", "nope"], "the store has no model nope", "amaas models"),
        (&["alias", "nope", "live", "1"], "the store has no model nope", "amaas models"),
        (&["alias", "any", "LIVE", "1"], "has no alias LIVE, but has live", "write live"),
        (&["publish", NETWORK, "--name", "any", "--alias", "Live"], "has no alias Live, but has live", "write live"),
    ] {
        let output = amaas(here, arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(refusal) && error.contains(remedy), "{arguments:?}: {error}");
    }

    let removed = json(here, &["models", "remove", "any", "--version", "1"]);
    assert_eq!((&removed["versions"], &removed["aliases"]), (&vec!["1"].into(), &Value::Array(Vec::new())));
    let young = json(here, &["store", "prune"]);
    assert_eq!((&young["deleted"]["count"], young["young"]["count"].as_u64() > Some(0)), (&0.into(), true));
    let dry = json(here, &["store", "prune", "--older-than", "0s", "--dry-run"]);
    let pruned = json(here, &["store", "prune", "--older-than", "0s"]);
    assert!(pruned["deleted"]["bytes"].as_u64() > Some(100_000), "{pruned}");
    assert_eq!(dry["deleted"], pruned["deleted"]);
    assert_eq!(json(here, &["store", "prune", "--older-than", "0s"])["deleted"]["count"], 0);

    // The served model is loaded from the blobs that were kept.
    assert!(dev.stop());
    let dev = Dev::start(here);
    assert_eq!((&dev.model("any")["version"], &dev.model("any")["error"]), (&"2".into(), &Value::Null));

    json(here, &["models", "remove", "any"]);
    gone(here, "any");
    let output = amaas(here, &["predict", "any", "x"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(json(here, &["publish", NETWORK, "--name", "any"])["manifest"]["version"], "3");

    // A removed bundled model is not published again either.
    json(here, &["models", "remove", "names"]);
    gone(here, "names");
    assert!(dev.stop());
    let dev = Dev::start(here);
    let models = dev.report["models"].as_array().expect("a list");
    let names: Vec<_> = models.iter().filter_map(|model| model["model"].as_str()).collect();
    assert!(names.contains(&"any") && names.contains(&"digits") && !names.contains(&"names"), "{names:?}");
}

#[test]
fn aliases_that_lead_nowhere_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    text(here, &["signer", "--create", "--signing-key", "signer.pem"]);
    let store = ["--store", "./store"];
    let publish = ["publish", NETWORK, "--name", "any", "--signing-key", "signer.pem", "--unsealed"];
    json(here, &[&publish[..], &store].concat());
    let aliases = here.join("store/models/any/aliases");
    std::fs::write(aliases.join("broken"), b"\x00\xff garbage").expect("written");
    std::fs::write(aliases.join("gone"), "7\n").expect("written");

    let versions = [&["models", "versions", "any"][..], &store].concat();
    let output = amaas(here, &versions);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1        live     20") && !out.contains("broken"), "{out}\n{err}");
    for expected in [
        "warning: alias broken cannot be read: what is stored there is no pointer; point it with `amaas alias any broken VERSION`, ",
        "warning: alias gone points to version 7, which the store does not have; ",
        "or remove it with `amaas models remove any --alias broken`\n",
    ] {
        assert!(err.contains(expected), "{expected:?} is not in: {err}");
    }
    let listed = json(here, &versions);
    let errors: Vec<_> =
        listed.as_array().expect("a list").iter().map(|row| (&row["version"], &row["aliases"][0])).collect();
    assert_eq!(
        errors,
        [(&"1".into(), &"live".into()), (&Value::Null, &"broken".into()), (&"7".into(), &"gone".into())]
    );
    assert_eq!(listed[0]["error"], Value::Null);
    assert!(
        listed[1]["error"].as_str().is_some_and(|error| error.starts_with("alias broken cannot be read")),
        "{listed}"
    );

    // Both remedies work.
    json(here, &[&["alias", "any", "broken", "1", "--signing-key", "signer.pem"][..], &store].concat());
    json(here, &[&["models", "remove", "any", "--alias", "gone"][..], &store].concat());
    let listed = json(here, &versions);
    assert_eq!((listed.as_array().expect("a list").len(), &listed[0]["aliases"]), (1, &vec!["broken", "live"].into()));

    // A model that has an alias and no version still exists.
    json(here, &[&["models", "remove", "any"][..], &store].concat());
    std::fs::write(aliases.join("broken"), "?").expect("written");
    let listed = json(here, &versions);
    assert_eq!((listed.as_array().expect("a list").len(), &listed[0]["aliases"]), (1, &vec!["broken"].into()));
}

#[test]
fn errors_of_models_and_store_have_kinds_for_programs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    std::fs::create_dir(here.join("store")).expect("made");
    for (arguments, kind, code) in [
        (&["models", "versions", "nope", "--store", "./store"][..], "failed", 1),
        (&["models", "versions", "a/b", "--store", "./store"], "usage", 2),
        (&["models", "remove", "nope", "--store", "./store"], "failed", 1),
        (&["models", "remove", "any", "--alias", "live", "--version", "1", "--store", "./store"], "usage", 2),
        (&["models", "versions", "any", "--store", "ftp://x"], "usage", 2),
        (&["store", "prune", "--store", "ftp://x"], "usage", 2),
        (&["store", "prune", "--older-than", "1w", "--store", "./store"], "usage", 2),
        (&["store", "prune"], "usage", 2),
        (&["models"], "usage", 2),
    ] {
        let output = amaas(here, &[&["--json"], arguments].concat());
        let error: Value = serde_json::from_slice(&output.stderr).expect("one line of JSON");
        let error = &error["error"];
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert_eq!((&error["kind"], &error["exit_code"]), (&kind.into(), &code.into()), "{arguments:?}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{arguments:?}: {error}");
    }
}

/// Waits until `model` is no longer served.
fn gone(here: &Path, model: &str) {
    let begun = Instant::now();
    while json(here, &["models"]).as_array().expect("models").iter().any(|it| it["id"] == model) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{model} is still served");
        std::thread::sleep(Duration::from_millis(50));
    }
}
