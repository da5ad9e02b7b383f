//! Independent implementations in Python, as a reference for ours.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::python;

/// The output of `script` of `tests/identity` for `input`. It runs in the virtual environment `name`, with the packages of the file
/// `pins`, relative to `tests/`.
///
/// # Errors
/// Why the packages cannot be installed.
pub async fn output_of(
    script: &str,
    (name, pins): (&str, &str),
    arguments: &[&str],
    input: &str,
) -> Result<String, String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pinned = std::fs::read_to_string(tests.join(pins)).expect("a file of pins");
    let pinned: Vec<_> = pinned.lines().filter(|line| line.contains("==")).collect();
    let program = python::environment(name, &pinned).await?.join("python");
    let mut command = Command::new(program);
    command.arg(tests.join("identity").join(script)).args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}: {said}{why}");
    Ok(said.into_owned())
}
