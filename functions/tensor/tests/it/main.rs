//! The program's messages and exit codes when it cannot start.

use std::net::TcpListener;
use std::process::{Command, Output};

/// Runs the program with only `variables` in its environment.
fn run(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amaas-tensor"));
    let Output { status, stderr, .. } =
        command.env_clear().envs(variables.iter().copied()).output().expect("the program can be started");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_wrong_configuration_is_named() {
    let (code, stderr) = run(&[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("AMAAS_STORE: expected s3://bucket[/prefix], or the path of a folder, got nothing"),
        "{stderr}"
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    // RFC 8032 §7.1, test 1: a key that published nothing.
    let publisher = ("AMAAS_PUBLISHERS", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let place = [("AMAAS_STORE", "/nowhere"), ("AMAAS_MODEL", "any"), ("PORT", &*port)];
    let key = concat!(env!("CARGO_TARGET_TMPDIR"), "/tensor.key");
    std::fs::write(key, "0".repeat(64)).expect("written");
    let key = ("AMAAS_KMS_KEY", concat!("file:", env!("CARGO_TARGET_TMPDIR"), "/tensor.key"));
    let ledger = ("AMAAS_LEDGER", concat!("sqlite:", env!("CARGO_TARGET_TMPDIR"), "/tensor.sqlite"));
    let (code, stderr) = run(&[&place[..], &[publisher, key, ledger, ("AMAAS_SEALING", "off")]].concat());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("cannot listen on 127.0.0.1:{port}: Address already in use")), "{stderr}");
}
