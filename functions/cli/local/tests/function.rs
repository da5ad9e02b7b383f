//! The commands of a function with a task of its own (`examples/own-function.rs`), through its program.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use amaas::{Answer, Client};
use amaas_env::EnvVariables;

const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sentiment/model/sentiment.onnx");

#[test]
fn a_function_checks_its_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = succeed(folder.path(), &["check"]);
    let row = text.lines().find(|line| line.starts_with("own ")).unwrap_or_else(|| panic!("{text}"));
    assert!(row.contains("positive") && row.ends_with("[1, 16, 25]"), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_serves_and_publishes_its_models() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let refused = command(here, &["publish"]).output().expect("it runs");
    let error = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains("no host runs here") && error.contains("try: run `dev`"), "{error}");

    let mut dev = Dev::start(here);
    let env = EnvVariables::load(&here.join(".amaas/env")).expect("written");
    let variable = |name| env.get(name).expect("it is there");
    let signers = variable("AMAAS_SIGNERS").split(',').map(|signer| signer.parse().expect("a signer"));
    let client =
        Client::builder().endpoint(variable("AMAAS_ENDPOINT")).api_key(variable("AMAAS_API_KEY")).signers(signers);
    let client = client.build().expect("a client");
    let answer: Answer<f32> = client.model("own").predict(&[1, 16, 25]).await.expect("answered");
    let expected = *answer.prediction();
    assert!((0.0..=1.0).contains(&expected), "{expected}");

    assert!(succeed(here, &["publish"]).starts_with("already published: own version 1"));
    assert!(succeed(here, &["publish", NETWORK, "--name", "second"]).starts_with("published second version 1"));
    for _ in 0..200 {
        if let Ok(answer) = client.model("second").predict::<f32>(&[1, 16, 25]).await {
            assert!((answer.prediction() - expected).abs() < 1e-6);
            assert!(dev.stop(), "it ended well");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the published model was not served in 20 s");
}

#[test]
fn without_a_command_it_is_the_function() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(folder.path(), &[]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("AMAAS_STORE: expected"), "{said}");
}

/// A running `dev`; killed when dropped.
struct Dev(Child);

impl Dev {
    /// Starts it, and waits until every model has answered.
    fn start(folder: &Path) -> Self {
        let mut child = command(folder, &["dev", "--port", "0"]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let listening = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("listening on http://"));
        assert!(listening, "it ended");
        // The pipe must stay open.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }

    /// Asks it to stop; whether it ended well.
    fn stop(&mut self) -> bool {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        self.0.wait().expect("it ended").success()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Standard output of the program, which must succeed.
fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}\n{err}");
    out.into_owned()
}

/// The program with `arguments`, in `folder`, without the settings of this process.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let test = std::env::current_exe().expect("a process knows its program");
    // target/PROFILE/deps/function-HASH
    let profile = test.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
    let program = profile.join("examples/own-function");
    assert!(program.is_file(), "{}: `cargo test` without --test builds it", program.display());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AMAAS_") || name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command
}
