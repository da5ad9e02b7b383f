//! The program's messages and exit codes when it cannot start.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::sync::Once;

/// RFC 8032 §7.1, test 1: a key that published nothing.
const PUBLISHER: (&str, &str) = ("AMAAS_PUBLISHERS", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
const KMS_KEY: (&str, &str) = ("AMAAS_KMS_KEY", concat!("file:", env!("CARGO_TARGET_TMPDIR"), "/sentiment.key"));
const LEDGER: (&str, &str) = ("AMAAS_LEDGER", concat!("sqlite:", env!("CARGO_TARGET_TMPDIR"), "/sentiment.sqlite"));
static WRITTEN: Once = Once::new();

/// Runs the program with only `variables` in its environment.
fn run(variables: &[(&str, &str)]) -> Output {
    WRITTEN.call_once(|| {
        std::fs::write(KMS_KEY.1.trim_start_matches("file:"), "0".repeat(64)).expect("written");
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_amaas-sentiment"));
    command.env_clear().envs(variables.iter().copied()).output().expect("the program can be started")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_configuration_is_named() {
    let (store, model) = (("AMAAS_STORE", "/nowhere"), ("AMAAS_MODEL", "sentiment"));
    for (variables, expected) in [
        (&[][..], "AMAAS_STORE: expected s3://bucket[/prefix], or the path of a folder, got nothing"),
        (&[store], "AMAAS_MODEL: expected the name of a model, got nothing"),
        (&[store, model], "AMAAS_KMS_KEY: expected a key of KMS or file:PATH, got nothing"),
        (&[store, model, KMS_KEY], "AMAAS_LEDGER: expected sqlite:PATH or dynamodb:TABLE, got nothing"),
        (&[store, model, KMS_KEY, LEDGER], "AMAAS_PUBLISHERS: expected public keys as `amaas signer` shows them"),
        (&[store, model, KMS_KEY, LEDGER, PUBLISHER, ("PORT", "99999")], "PORT: expected a port number, got \"99999\""),
        (
            &[store, model, KMS_KEY, LEDGER, ("AMAAS_BATCH_ROWS", "0")],
            "AMAAS_BATCH_ROWS: expected a number from 1 up, got \"0\"",
        ),
        (
            &[store, model, KMS_KEY, LEDGER, PUBLISHER, ("AMAAS_RESPONSE_MODE", "x")],
            "expected \"buffered\" or \"stream\", got \"x\"",
        ),
    ] {
        let output = run(variables);
        assert_eq!(output.status.code(), Some(2), "{variables:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{variables:?}: {}", stderr(&output));
    }
}

#[test]
fn a_store_that_is_none_is_named() {
    for store in ["s3://", "gs://bucket"] {
        let place = [("AMAAS_STORE", store), ("AMAAS_MODEL", "sentiment"), ("PORT", "0")];
        let output = run(&[&place[..], &[KMS_KEY, LEDGER, PUBLISHER]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("expected s3://bucket[/prefix] or the path of a folder"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let place = [("AMAAS_STORE", "/nowhere"), ("AMAAS_MODEL", "sentiment"), ("PORT", &*port)];
    let output = run(&[&place[..], &[KMS_KEY, LEDGER, PUBLISHER]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let expected = format!("cannot listen on 127.0.0.1:{port}: Address already in use");
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours() {
    assert!(!stderr(&run(&[])).contains('\x1b'), "{:?}", stderr(&run(&[])));
}

/// Its memory has keys and payloads, which a core dump would write into a file.
#[cfg(target_os = "linux")]
#[test]
fn a_function_leaves_no_core() {
    run(&[]); // writes the key
    let place = [("AMAAS_STORE", "/nowhere"), ("AMAAS_MODEL", "sentiment"), ("PORT", "0"), ("AMAAS_LOG", "info")];
    let mut command = Command::new(env!("CARGO_BIN_EXE_amaas-sentiment"));
    command.env_clear().envs(place).envs([KMS_KEY, LEDGER, PUBLISHER]).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be started");
    let log = BufReader::new(child.stderr.take().expect("piped"));
    let listens = log.lines().map_while(Result::ok).any(|line| line.contains("listening"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id()));
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    assert!(listens);
    let limits = limits.expect("it can be read");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"]);
}
