//! What people see when something is wrong: the reason, a remedy, and an exit code.

use crate::program::{amaas, command, text};

fn failed(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("text.onnx"), "not a network").expect("written");
    let output = amaas(folder.path(), arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn without_a_service_the_remedy_is_named() {
    for arguments in [&["models"][..], &["predict", "m", "x"], &["keys", "list"]] {
        let (code, error) = failed(arguments);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("amaas dev"), "{error}");
    }
}

#[test]
fn wrong_arguments_are_named() {
    let (code, error) = failed(&["publish", "x.onnx", "--name", "a/b"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("a name is 1 to 64 characters"), "{error}");
    let (code, error) = failed(&["publish", "missing.onnx", "--name", "x", "--store", "./store"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("missing.onnx: No such file"), "{error}");
}

#[test]
fn wrong_variables_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, value) in [("AMAAS_EXECUTION_PROVIDERS", "gpu"), ("AMAAS_MAX_ROWS", "0")] {
        let output = command(folder.path(), &["dev", "--port", "0"]).env(name, value).output().expect("run");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("{name}: expected")), "{error}");
    }
}

#[test]
fn files_that_are_no_networks_are_not_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    std::fs::write(here.join("text.onnx"), "not a network").expect("written");
    let publish = ["publish", "text.onnx", "--name", "x", "--store", "./store"];
    let run = |more: &[&str]| {
        let output = amaas(here, &[&publish, more].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // Nothing is published unsigned, or unsealed without a word of it.
    let (code, error) = run(&[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("no key to sign with"), "{error}");
    let made = text(here, &["signer", "--create", "--signing-key", "signer.pem"]);
    assert_eq!(text(here, &["signer", "--signing-key", "signer.pem"]), made);
    let (code, error) = run(&["--signing-key", "signer.pem"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("no key to seal with"), "{error}");
    let (code, error) = run(&["--signing-key", "signer.pem", "--unsealed"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("not an ONNX file"), "{error}");
}

#[test]
fn a_flag_wins_over_the_environment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let run = |arguments: &[&str]| {
        let mut command = command(here, arguments);
        // Neither of the two answers.
        command.env("AMAAS_STORE", "./exported").env("AMAAS_DATA", "exported");
        command.env("AMAAS_ENDPOINT", "http://127.0.0.1:1").env("AMAAS_API_KEY", "none");
        let output = command.output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for command in [&["models"][..], &["predict", "m", "x"], &["keys", "list"]] {
        let (code, error) = run(&[&["--data", "flagged"], command].concat());
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("there is no flagged/env"), "{error}");
    }
    run(&["keys", "create", "--data", "flagged", "--store", "./stored"]);
    assert!(here.join("stored/access/keys.json").is_file());
    run(&["keys", "create"]);
    assert!(here.join("exported/access/keys.json").is_file());
}

#[test]
fn errors_are_json_where_asked_for() {
    let (_, error) = failed(&["--json", "keys", "list"]);
    let error: serde_json::Value = serde_json::from_str(&error).expect("JSON");
    assert_eq!(error["error"]["message"], "no service is configured: there is no .amaas/env");
    assert!(error["error"]["remedy"].as_str().expect("text").contains("amaas dev"), "{error}");
}

#[test]
fn wrong_arguments_are_json_where_asked_for() {
    for (arguments, expected) in [
        (&["publish", "x.onnx", "--name", "a/b", "--json"][..], "invalid value 'a/b'"),
        (&["--json", "publish"], "required arguments were not provided"),
        (&["--json"], "requires a subcommand"),
        (&["--json", "keys"], "a command is missing"),
    ] {
        let (code, error) = failed(arguments);
        let json: serde_json::Value = serde_json::from_str(&error).expect(&error);
        assert_eq!(code, Some(2));
        let message = json["error"]["message"].as_str().expect("text");
        assert!(message.contains(expected) && !message.contains("Usage"), "{message}");
    }
}

#[test]
fn a_reader_that_had_enough_ends_the_command_quietly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = command(folder.path(), &["keys", "list", "--store", "./store"]);
    let output = command.stdout(writer).output().expect("run");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_service_that_is_not_there_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join(".amaas");
    std::fs::create_dir(&data).expect("made");
    let key = amaas::ApiKey::generate("test").expect("random");
    // Nothing listens on port 1.
    let env = format!("AMAAS_ENDPOINT=http://127.0.0.1:1\nAMAAS_API_KEY={}\n", key.expose());
    std::fs::write(data.join("env"), env).expect("written");
    let output = amaas(folder.path(), &["models"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(!String::from_utf8_lossy(&output.stderr).contains(key.expose()));
}
