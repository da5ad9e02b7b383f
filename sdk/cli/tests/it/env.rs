//! `amaas env`, with a terraform that says what each test wants.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::program::command;

/// What `amaas` does with `arguments` where terraform runs `script`.
fn with_terraform(script: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("terraform");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made a program");
    std::fs::create_dir(folder.path().join("deployed")).expect("a folder");
    let mut command = command(folder.path(), arguments);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display())).output().expect("amaas was built")
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const TWO: &str = r#"echo '{"a":{"AMAAS_ENDPOINT":"https://a.example","AMAAS_MODEL":"a"},"b":{"AMAAS_ENDPOINT":"https://b.example","AMAAS_MODEL":"b"}}'"#;

#[test]
fn a_shell_reads_what_is_printed() {
    // The words of the command line, and a value that a shell would run where it was not quoted.
    let script = r#"[ "$*" = "-chdir=deployed output -no-color -json env" ] || exit 9
printf '%s' '{"AMAAS_MODEL":"sentiment","AMAAS_ENDPOINT":"https://x.example/","AMAAS_STORE":"s3://a; echo $(id)"}'"#;
    let printed = out(&with_terraform(script, &["env", "--terraform", "deployed"]));
    assert_eq!(
        printed,
        "export AMAAS_ENDPOINT=https://x.example/\nexport AMAAS_MODEL=sentiment\nexport AMAAS_STORE='s3://a; echo $(id)'\n"
    );
    let read =
        std::process::Command::new("sh").args(["-c", &format!("{printed}\nprintf %s \"$AMAAS_STORE\"")]).output();
    assert_eq!(String::from_utf8_lossy(&read.expect("sh").stdout), "s3://a; echo $(id)");
}

#[test]
fn one_of_several_models_is_named() {
    let printed = out(&with_terraform(TWO, &["--json", "env", "--terraform", "deployed", "--model", "b"]));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&printed).expect("JSON"),
        serde_json::json!({ "AMAAS_ENDPOINT": "https://b.example", "AMAAS_MODEL": "b" })
    );
}

#[test]
fn what_went_wrong_is_said() {
    let env = ["env", "--terraform", "deployed"];
    let cases: [(&str, &[&str], i32, &str); 7] = [
        (TWO, &env, 2, "--model with one of: a, b"),
        (TWO, &["env", "--terraform", "deployed", "--model", "c"], 2, "no model \"c\" is deployed there"),
        (TWO, &["env", "--terraform", "absent"], 2, "absent is not a folder"),
        ("echo '{}'", &env, 1, "no model is deployed there"),
        ("echo '[1]'", &env, 1, "is none of amaas"),
        ("echo '{\"A;rm\":\"x\"}'", &env, 1, "no variable of amaas"),
        ("echo '│ Error: Output \"env\" not found' >&2; exit 1", &env, 1, "Error: Output \"env\" not found"),
    ];
    for (script, arguments, code, said) in cases {
        let output = with_terraform(script, arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn a_terraform_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(folder.path(), &["env", "--terraform", "."]).env("PATH", Path::new("/absent")).output();
    let output = output.expect("amaas was built");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("terraform could not be run"), "{output:?}");
}
