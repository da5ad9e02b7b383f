//! The program, in a folder of its own and without this process's settings.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// `amaas` with `arguments`, in `folder`.
pub(crate) fn amaas(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("amaas was built")
}

/// Standard output of `amaas`, which must succeed.
pub(crate) fn text(folder: &Path, arguments: &[&str]) -> String {
    let output = amaas(folder, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "amaas {arguments:?}: {out}\n{err}");
    out.into_owned()
}

/// The output of `amaas --json`.
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let text = text(folder, &[&["--json"], arguments].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A running `amaas dev`; ended when dropped.
pub(crate) struct Dev {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Its report when it was ready.
    pub(crate) report: Value,
}

impl Dev {
    /// Starts it, and waits for its report.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, |command| command)
    }

    /// Its report of the model `name`.
    pub(crate) fn model(&self, name: &str) -> &Value {
        let models = self.report["models"].as_array().expect("a list of models");
        models.iter().find(|model| model["model"] == name).expect("it is served")
    }

    /// Starts it after `change` edited the command, and waits for its report.
    pub(crate) fn start_with(folder: &Path, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut dev = Self::begin_with(folder, change);
        let mut line = String::new();
        dev.stdout.read_line(&mut line).expect("a report");
        dev.report = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        dev
    }

    /// Starts it.
    pub(crate) fn begin(folder: &Path) -> Self {
        Self::begin_with(folder, |command| command)
    }

    fn begin_with(folder: &Path, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = command(folder, &["--json", "dev", "--port", "0"]);
        let mut child = change(&mut command).stdout(Stdio::piped()).spawn().expect("started");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, stdout, report: Value::Null }
    }

    /// Asks it to stop, and waits; returns whether it succeeded.
    pub(crate) fn stop(mut self) -> bool {
        self.ask();
        self.child.wait().expect("it ended").success()
    }

    /// Asks it to stop.
    pub(crate) fn ask(&self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
    }

    /// Whether it succeeded; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<bool> {
        self.child.try_wait().expect("it is our child").map(|status| status.success())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `amaas` with `arguments`, in `folder`, not started yet.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amaas"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AMAAS_") || name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    // The records of `amaas dev` about its folders, shared by all tests and separate from the user's.
    command.env("XDG_STATE_HOME", STATE);
    command
}

/// The state folder of every command.
pub(crate) const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/state");
