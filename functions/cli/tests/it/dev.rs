//! `amaas dev`, and the commands beside it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use amaas_access::KeyId;
use amaas_ledger::LedgerLocation;
use amaas_ledger::{LedgerKey, NO_EXPIRY};
use amaas_local::object_store::BUCKET;

use crate::program::{Dev, amaas, json, text};

const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/sentiment.onnx");
/// A 7 of 8 by 11 pixels, black or white: a PNG in base64.
const SEVEN: &str = concat!(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAALAQAAAABq4PGIAAAAGElEQVR42mP4z9DI8BcIfwPhdyB8",
    "D4T/AW2jCjzCFaQsAAAAAElFTkSuQmCC"
);
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/golden.json");

#[test]
fn models_are_served_called_and_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let dev = Dev::start(here);
    for name in ["digits", "embed", "generate", "names", "sentiment"] {
        let model = dev.model(name);
        assert_eq!((&model["version"], &model["task"], &model["error"]), (&"1".into(), &name.into(), &().into()));
        assert!(model["first_answer_ms"].as_f64().expect("it was called") > 0.0, "{name}");
        loaded(model);
    }

    let answer = json(here, &["predict", "sentiment", "a wonderful film", "an awful film"]);
    let labels: Vec<_> = answer["predictions"].as_array().expect("two").iter().map(|it| it["label"].clone()).collect();
    assert_eq!(labels, ["positive", "negative"]);
    assert_eq!(answer["usage"]["rows"], 2);
    assert!(text(here, &["models"]).contains("sentiment  1        sentiment  yes"));
    assert!(text(here, &["predict", "names", "Yamamoto"]).starts_with("Japanese\t0."));
    assert!(text(here, &["predict", "digits", SEVEN]).starts_with("7\t"));

    let answer = json(here, &["predict", "embed", "The cat sleeps.", "A kitten naps."]);
    assert_eq!(answer["predictions"][1]["embedding"].as_array().map(Vec::len), Some(384));
    assert_eq!(answer["usage"]["tokens"], 13);
    assert!(text(here, &["predict", "embed", "The cat sleeps."]).ends_with("…]\t384 values of 6 tokens\n"));

    let prompt = r#"{"prompt":"ROMEO:\n","max_tokens":12,"temperature":0}"#;
    let made = text(here, &["predict", "generate", "--json-inputs", prompt]);
    assert!(made.starts_with("If I must, my lord."), "{made}");

    // Any ONNX file becomes a model of the running service, with golden cases or without.
    let published = json(here, &["publish", NETWORK, "--name", "any", "--golden", GOLDEN]);
    assert_eq!((&published["new"], &published["manifest"]["batching"]), (&true.into(), &"rows".into()));
    assert_eq!(published["store"], "s3://amaas");
    assert_eq!(json(here, &["publish", NETWORK, "--name", "any", "--golden", GOLDEN])["new"], false);
    served(here, "any", "1");
    assert_eq!(json(here, &["publish", NETWORK, "--name", "any"])["manifest"]["version"], "2");
    served(here, "any", "2");

    assert_eq!(json(here, &["alias", "any", "live", "1"])["version"], "1");
    served(here, "any", "1");
    assert_eq!(amaas(here, &["alias", "any", "live", "3"]).status.code(), Some(1), "there is no version 3");
    json(here, &["alias", "any", "live", "2"]);
    served(here, "any", "2");

    let request = here.join("request.json");
    let data = vec!["0"; 256].join(",");
    let body = format!(r#"{{"inputs":[{{"name":"input_ids","datatype":"INT64","shape":[1,256],"data":[{data}]}}]}}"#);
    std::fs::write(&request, body).expect("written");
    let request = request.to_str().expect("UTF-8");
    assert_eq!(json(here, &["infer", "any", request])["outputs"][0]["shape"], serde_json::json!([1, 1]));
    assert!(text(here, &["infer", "any", request]).contains("probability  FP32"));
    assert_eq!(amaas(here, &["infer", "any", request, "--version", "1"]).status.code(), Some(1));
    assert!(dev.stop());
}

#[test]
fn a_second_start_keeps_the_key_and_where_aliases_point() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let first = Dev::start(here);
    let key = variable(here, "AMAAS_API_KEY");
    json(here, &["publish", NETWORK, "--name", "sentiment"]);
    assert!(first.stop());
    as_an_earlier_version_left(here, &key);

    let second = Dev::start(here);
    assert_eq!(variable(here, "AMAAS_API_KEY"), key);
    assert_eq!(second.model("sentiment")["version"], "2", "the bundled model does not take the alias back");
    served(here, "sentiment", "2");
}

/// Removes every signature: of the alias, of the sealing keys, of accounts, and the keys that sign.
fn as_an_earlier_version_left(here: &Path, key: &str) {
    let objects = here.join(".amaas/s3").join(BUCKET);
    std::fs::write(objects.join("models/sentiment/aliases/live"), "2").expect("written");
    let sealing = objects.join("sealing/dev.json");
    let json = std::fs::read(&sealing).expect("made");
    let mut json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    json["format"] = "amaas.sealing-keys/1".into();
    json["answers"] = json["authenticator"].take();
    json.as_object_mut().expect("an object").retain(|name, _| name != "authenticator" && name != "tag");
    std::fs::write(sealing, json.to_string()).expect("written");

    let location = LedgerLocation::Sqlite(here.join(".amaas/ledger.sqlite"));
    let id = KeyId::of(&key.parse().expect("a key"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let ledger = amaas_ledger::open(&location).await.expect("opened");
        for at in [LedgerKey::new("tenants", "dev"), LedgerKey::new(format!("key/{id}"), "record")] {
            let entry = ledger.read(&at).await.expect("read").expect("it is there");
            let mut json: serde_json::Value = serde_json::from_slice(&entry.value).expect("JSON");
            assert!(json.as_object_mut().expect("an object").remove("signature").is_some());
            ledger.replace(&at, entry.revision, json.to_string().into(), NO_EXPIRY).await.expect("written");
        }
        for at in ["authority", "verifier"].map(|name| LedgerKey::new("ledger", name)) {
            let entry = ledger.read(&at).await.expect("read").expect("it is there");
            assert!(ledger.remove(&at, entry.revision).await.expect("removed"));
        }
    });
}

#[test]
fn keys_are_made_scoped_and_revoked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let _dev = Dev::start(here);
    let endpoint = variable(here, "AMAAS_ENDPOINT");
    let made = json(here, &["keys", "create", "--tenant", "acme", "--model", "other"]);
    let (key, id) = (made["key"].as_str().expect("a key"), made["record"]["id"].as_str().expect("an id"));

    let call = std::process::Command::new(env!("CARGO_BIN_EXE_amaas"))
        .args(["predict", "sentiment", "fine"])
        .env("AMAAS_ENDPOINT", endpoint)
        .env("AMAAS_API_KEY", key)
        .output()
        .expect("run");
    assert_eq!(call.status.code(), Some(4), "out of the key's scope");
    let error = String::from_utf8_lossy(&call.stderr);
    assert!(error.contains("may not use model") && error.contains("keys create --model MODEL"), "{error}");

    assert!(text(here, &["keys", "list"]).contains("  dev     dev      "), "its own");
    assert!(text(here, &["keys", "list"]).contains(id));
    text(here, &["keys", "revoke", id]);
    assert!(!text(here, &["keys", "list"]).contains(id));
}

#[test]
fn keys_of_sealed_calls_are_rotated_and_their_signers_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let _dev = Dev::start(here);
    let pinned = variable(here, "AMAAS_SIGNERS");
    assert_eq!(text(here, &["keys", "signer", "dev"]).trim(), pinned);
    let serial = json(here, &["keys", "signer", "dev"])["serial"].clone();
    let rotated = json(here, &["keys", "rotate", "dev", "--overlap", "72"]);
    assert!(rotated["serial"].as_u64() > serial.as_u64(), "{rotated}");
    assert_eq!(rotated["signers"], serde_json::json!([pinned]), "the signer stays");

    let both = json(here, &["keys", "rotate", "dev", "--signer"]);
    assert_eq!((both["signers"].as_array().map(Vec::len), &both["signers"][0]), (Some(2), &pinned.into()));
    assert_eq!(amaas(here, &["keys", "rotate", "dev", "--signer"]).status.code(), Some(1), "one takes over already");
    assert_eq!(amaas(here, &["keys", "rotate", "dev", "--kms-key", "file:nowhere"]).status.code(), Some(2));
    // No function would use a key set of a single model.
    for command in [["keys", "signer", "sentiment"], ["keys", "rotate", "sentiment"]] {
        let output = amaas(here, &command);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("all models of `amaas dev` share one set\n  try: its name is \"dev\""), "{error}");
    }
    let other = Command::new("sh")
        .args(["-c", r#". .amaas/env; sh -c 'echo "$AMAAS_ENDPOINT $AMAAS_SIGNERS"'"#])
        .current_dir(here)
        .output()
        .expect("run");
    let expected = format!("{} ", variable(here, "AMAAS_ENDPOINT"));
    assert!(String::from_utf8_lossy(&other.stdout).starts_with(&expected), "programs of a shell have what it read");
}

#[test]
fn asked_twice_it_does_not_wait_for_calls() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let mut dev = Dev::start(here);
    assert_eq!(std::fs::read_to_string(here.join(".amaas/.gitignore")).expect("written"), "*\n");
    let (endpoint, key) = (variable(here, "AMAAS_ENDPOINT"), variable(here, "AMAAS_API_KEY"));
    let mut call = std::net::TcpStream::connect(endpoint.trim_start_matches("http://")).expect("it listens");
    // A call whose body never ends.
    write!(
        call,
        "POST /v1/models/sentiment/predict HTTP/1.1\r\nHost: amaas\r\nx-api-key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    )
    .expect("sent");
    std::thread::sleep(Duration::from_millis(300));
    dev.ask();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(dev.ended(), None, "a call is under way");
    dev.ask();
    assert!(!ends_soon(&mut dev), "that a call was cut off is no success");
}

#[test]
fn it_stops_while_a_model_still_loads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    assert!(Dev::start(here).stop());
    // Blobs that can be opened, but never read to the end.
    for blob in std::fs::read_dir(here.join(".amaas/s3/amaas/blobs/sha256")).expect("published") {
        let blob = blob.expect("listed").path();
        std::fs::remove_file(&blob).expect("removed");
        assert!(std::process::Command::new("mkfifo").arg(&blob).status().expect("run").success());
    }
    std::fs::remove_file(here.join(".amaas/env")).expect("removed");
    let mut dev = Dev::begin(here);
    while !here.join(".amaas/env").exists() {
        assert_eq!(dev.ended(), None);
        std::thread::sleep(Duration::from_millis(20));
    }
    let endpoint = variable(here, "AMAAS_ENDPOINT");
    let mut call = std::net::TcpStream::connect(endpoint.trim_start_matches("http://")).expect("it listens");
    write!(call, "GET /v2/health/ready HTTP/1.1\r\nHost: amaas\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    call.read_to_string(&mut answer).expect("answered");
    assert!(answer.contains("is loading"), "{answer}");
    dev.ask();
    assert!(ends_soon(&mut dev));
}

/// Every part of a load is reported, and those of every model took time.
fn loaded(model: &serde_json::Value) {
    let part = |name: &str| model["load"][name].as_f64().unwrap_or_else(|| panic!("{name}: {model}"));
    for name in ["manifest", "fetch", "session", "total"] {
        assert!(part(name) > 0.0, "{name}: {model}");
    }
    for name in ["runtime", "check", "warm-up"] {
        assert!(part(name) >= 0.0, "{name}: {model}");
    }
    assert!(part("fetch").max(part("session")) <= part("total"), "{model}");
    assert_eq!(&model["load"]["total"], &model["load_ms"]);
}

/// Waits until `dev` ends; returns whether it succeeded.
fn ends_soon(dev: &mut Dev) -> bool {
    let begun = Instant::now();
    loop {
        if let Some(well) = dev.ended() {
            return well;
        }
        assert!(begun.elapsed() < Duration::from_secs(8), "it waits");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `model` is served in `version`.
fn served(here: &std::path::Path, model: &str, version: &str) {
    let begun = Instant::now();
    loop {
        let models = json(here, &["models"]);
        let there = models.as_array().expect("models").iter().any(|it| it["id"] == model && it["version"] == version);
        if there {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{models}");
    }
}

/// A variable of the file that `dev` wrote.
fn variable(here: &std::path::Path, name: &str) -> String {
    let file = amaas_env::EnvVariables::load(&here.join(".amaas/env")).expect("written by dev");
    file.get(name).expect("set").to_owned()
}
