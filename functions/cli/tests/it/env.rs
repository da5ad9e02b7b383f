//! `amaas env`, with a fake terraform or tofu.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::program::command;

/// Runs `amaas` with `arguments`, with `script` as terraform.
fn with_terraform(script: &str, arguments: &[&str]) -> Output {
    with_programs(&[("terraform", script)], arguments)
}

/// The same with only these programs installed.
fn with_programs(programs: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    for (name, script) in programs {
        let program = bin.join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made a program");
    }
    std::fs::create_dir(folder.path().join("deployed")).expect("a folder");
    command(folder.path(), arguments).env("PATH", bin).output().expect("amaas was built")
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const TWO: &str = r#"echo '{"a":{"AMAAS_ENDPOINT":"https://a.example","AMAAS_MODEL":"a"},"b":{"AMAAS_ENDPOINT":"https://b.example","AMAAS_MODEL":"b"}}'"#;

#[test]
fn a_shell_reads_what_is_printed() {
    // The words of the command line, and a value that a shell would execute without quotes.
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
fn tofu_is_run_where_it_is_named_or_alone() {
    let says = |name: &str| format!(r#"printf '%s' '{{"AMAAS_MODEL":"{name}"}}'"#);
    let (terraform, tofu) = (says("of-terraform"), says("of-tofu"));
    let both = [("terraform", &*terraform), ("tofu", &*tofu)];
    let env = ["--json", "env", "--terraform", "deployed"];
    for (programs, named, expected) in [
        (&both[..], None, "of-terraform"),
        (&both[..1], None, "of-terraform"),
        (&both[1..], None, "of-tofu"),
        (&both[..], Some("tofu"), "of-tofu"),
        (&both[..], Some("terraform"), "of-terraform"),
        (&both[..], Some("bin/tofu"), "of-tofu"),
    ] {
        let named: Vec<_> = named.iter().flat_map(|named| ["--command", named]).collect();
        let printed = out(&with_programs(programs, &[&env[..], &named].concat()));
        assert!(printed.contains(expected), "{programs:?} {named:?}: {printed}");
    }
}

#[test]
fn errors_name_the_program_that_was_run() {
    let fails = "echo 'no state' >&2; exit 1";
    let warns = "printf '╷\\n│ Warning: no such file\\n╵\\nError: no state\\n' >&2; exit 1";
    let env = ["env", "--terraform", "deployed"];
    let with = |command: &'static str| [&env[..], &["--command", command]].concat();
    for (programs, arguments, code, said) in [
        (&[][..], env.to_vec(), 2, "neither terraform nor tofu is installed and on PATH"),
        (&[("terraform", "")], with("tofu"), 2, "tofu could not be run: No such file"),
        (&[("tofu", fails)], env.to_vec(), 1, "tofu has no output `env` in deployed: no state"),
        (&[("tofu", fails)], env.to_vec(), 1, "run `tofu init` and `tofu apply` there first"),
        (&[("tofu", "exit 3")], env.to_vec(), 1, "it said nothing, and ended with exit status: 3"),
        (&[("tofu", warns)], env.to_vec(), 1, "tofu has no output `env` in deployed: Error: no state"),
        (&[][..], with(""), 2, "a value is required"),
        // If an installed program fails, the other is not tried.
        (&[("terraform", fails), ("tofu", "echo '{}'")], env.to_vec(), 1, "terraform has no output `env`"),
    ] {
        let output = with_programs(programs, &arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{said:?} is not in: {error}");
    }
}
