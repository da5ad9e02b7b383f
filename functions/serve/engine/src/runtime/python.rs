//! Runs modules of Python's standard library and pip as isolated programs.
//!
//! `python3 -m pip` searches the current folder for `pip` first, so a repository with a file `pip.py` would run. Python
//! is started in isolated mode (`-I`): without the current folder, the user's packages and the variables `PYTHON…`.
//! Those are removed for its child processes too. pip's own settings (`PIP_…` and the user's `pip.conf`) apply: they
//! configure the package index.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Python in a folder that contains only its own files.
pub(super) struct IsolatedPython<'a> {
    folder: &'a Path,
}

impl<'a> IsolatedPython<'a> {
    pub(super) fn in_folder(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// Runs the `module`. Its output goes to standard error, since standard output is the program's own answer.
    pub(super) fn run<A: AsRef<OsStr>>(
        &self,
        module: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<(), PythonError> {
        match self.command(module).args(arguments).stdout(io::stderr()).status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(PythonError::Failed { module: module.to_owned(), status }),
            Err(error) => Err(PythonError::Absent(error)),
        }
    }

    fn command(&self, module: &str) -> Command {
        let mut command = Command::new("python3");
        command.args(["-I", "-m", module]).current_dir(self.folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PYTHON") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Why a Python module failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum PythonError {
    /// The module failed.
    #[error("python3 -I -m {module}: {status}")]
    Failed { module: String, status: ExitStatus },
    /// Python cannot be started.
    #[error("python3: {0}")]
    Absent(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shadowing files: named like the module, where Python would search without `-I`.
    #[test]
    fn a_module_of_the_folder_is_not_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let witness = folder.path().join("it-ran");
        let text = format!("open({:?}, 'w').close()\n", witness.display().to_string());
        for name in ["zipfile.py", "pip.py", "sitecustomize.py", "usercustomize.py"] {
            std::fs::write(folder.path().join(name), &text).expect("written");
        }
        let shown = |command: &mut Command| {
            let output = command.output().expect("python3");
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        };
        // The variables are set for the child alone: they are not this process's, and `command` would remove them.
        let isolated = |module: &str, argument: &str| {
            let mut command = IsolatedPython::in_folder(folder.path()).command(module);
            command.env("PYTHONPATH", folder.path()).env("PYTHONSTARTUP", folder.path().join("pip.py"));
            shown(command.arg(argument))
        };
        let help = isolated("zipfile", "--help");
        assert!(help.contains("usage:"), "{help}");
        let version = isolated("pip", "--version");
        assert!(!witness.exists(), "a module of the folder ran: {version}");
        // The trap works.
        shown(Command::new("python3").args(["-m", "pip", "--version"]).current_dir(folder.path()));
        assert!(witness.exists(), "without -I the folder comes first");
    }
}
