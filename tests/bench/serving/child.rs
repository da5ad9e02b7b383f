//! This program again, as a process with a role, which takes commands line by line.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::process::ProcessTree;

/// A process with a role. It is killed when this is dropped.
pub(crate) struct RoleProcess {
    process: std::process::Child,
    told: ChildStdin,
    tells: BufReader<ChildStdout>,
}

impl RoleProcess {
    /// Starts `role` with `words`.
    pub(crate) fn start(role: &str, words: &[&str]) -> Self {
        let program = std::env::current_exe().expect("a process knows its program");
        let mut command = Command::new(program);
        command.arg("--role").arg(role).args(words).env("ORT_DISABLE_TELEMETRY", "1");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started");
        let told = process.stdin.take().expect("it is piped");
        let tells = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, told, tells }
    }

    /// The next line that it writes.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.tells.read_line(&mut line).expect("it can be read from");
        assert!(read > 0, "a process in a role ended before it should");
        line.trim_end().to_owned()
    }

    /// Sends it `line`, and returns its answer.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        writeln!(self.told, "{line}").expect("it listens");
        self.line()
    }

    /// The process.
    pub(crate) fn tree(&self) -> ProcessTree {
        ProcessTree::of(self.process.id())
    }
}

impl Drop for RoleProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
