//! Python packages for tests, each in a virtual environment of its own beside the build.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::Mutex;

/// The folder with the programs of `packages`. Pip installs them into the environment `name` if they are missing.
///
/// # Errors
/// Why they cannot be installed: no Python, no pip, or no package index that can be reached.
pub(crate) async fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    // Two tests must not install the same one concurrently.
    let _one = INSTALLING.lock().await;
    let test = std::env::current_exe().expect("a process knows its program");
    // target/<profile>/deps/it-<hash>
    let folder = test.ancestors().nth(3).expect("tests lie in target/<profile>/deps").join(name);
    let (programs, installed) = (folder.join("bin"), folder.join("installed"));
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        run(Path::new("python3"), &["-m", "venv", &folder.to_string_lossy()]).await?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(&programs.join("python"), &[&install, packages].concat()).await?;
        std::fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
    }
    Ok(programs)
}

async fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let failed = |why: &str| format!("{} {}: {why}", program.display(), arguments.join(" "));
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().await;
    let output = output.map_err(|error| failed(&error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(&String::from_utf8_lossy(&output.stderr))) }
}

static INSTALLING: Mutex<()> = Mutex::const_new(());
