//! Builds the process of a function: program, environment and arguments.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::Function;

/// A program of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `functions/digits`.
    Digits,
    /// `functions/embed`.
    Embed,
    /// `functions/generate`.
    Generate,
    /// `functions/match`.
    Match,
    /// `functions/names`.
    Names,
    /// `functions/pipelines`.
    Pipelines,
    /// `functions/sentiment`.
    Sentiment,
    /// `functions/tensor`.
    Tensor,
}

impl Program {
    /// The name of its binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digits => "amaas-digits",
            Self::Embed => "amaas-embed",
            Self::Generate => "amaas-generate",
            Self::Match => "amaas-match",
            Self::Names => "amaas-names",
            Self::Pipelines => "amaas-pipelines",
            Self::Sentiment => "amaas-sentiment",
            Self::Tensor => "amaas-tensor",
        }
    }

    /// Its binary.
    pub fn path(self) -> PathBuf {
        binary(self.name())
    }
}

/// The binary of the command line.
pub fn command_line() -> PathBuf {
    binary("amaas")
}

/// A binary of the workspace, which Cargo builds beside this test because its own package has tests too.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its program");
    // target/<profile>/deps/it-<hash>
    let profile = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let path = profile.join(name);
    assert!(
        path.is_file(),
        "there is no {}; `cargo test --workspace` builds it, tests/bench/README.md has what does for benchmarks",
        path.display()
    );
    path
}

/// A process to start, with an environment of its own: it inherits no variable.
#[derive(Clone, Debug)]
pub struct ProcessBuilder {
    program: Program,
    before: Vec<OsString>,
    variables: BTreeMap<String, OsString>,
}

impl ProcessBuilder {
    /// `program`, with an empty environment.
    pub fn new(program: Program) -> Self {
        Self { program, before: Vec::new(), variables: BTreeMap::new() }
    }

    /// Sets a variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a variable unset.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Starts the program through another command, which has to exec it or to detach.
    #[must_use]
    pub fn through(mut self, command: impl IntoIterator<Item = OsString>) -> Self {
        self.before = command.into_iter().collect();
        self
    }

    /// The program.
    pub fn program(&self) -> Program {
        self.program
    }

    /// Starts it.
    pub fn start(&self) -> Function {
        let mut words = self.before.iter().cloned().chain([self.program.path().into_os_string()]);
        let mut command = Command::new(words.next().expect("the program itself at least"));
        command.args(words).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Function::new(command.spawn().expect("the program can be started"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_the_request_by_which_package_knows_hooks() {
        let request = b"/runtime/restore/next";
        for program in [Program::Sentiment, Program::Generate] {
            let bytes = std::fs::read(program.path()).expect("built");
            assert!(bytes.windows(request.len()).any(|bytes| bytes == request), "{}", program.path().display());
        }
    }
}
