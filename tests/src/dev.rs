//! `amaas dev`, and `amaas` beside it, as processes in a folder of their own.

use std::path::Path;
use std::process::Stdio;

use amaas_env::EnvVariables;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::library;
use crate::process::binary;
use crate::wait::{until, within};

/// A running `amaas dev`. It ends when this is dropped.
pub struct DevProcess {
    // Before its folder: fields are dropped in the order of their declaration.
    child: Child,
    folder: TempDir,
    endpoint: String,
    key: String,
}

impl DevProcess {
    /// Starts it, and waits until it has called each of its models.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = amaas(folder.path()).await;
        command.args(["--json", "dev", "--port", "0"]).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let report = within("the report of amaas dev", lines.next_line()).await.expect("text");
        assert!(report.is_some(), "it ended before it was ready");
        let file = EnvVariables::load(&folder.path().join(".amaas/env")).expect("written by dev");
        let variable = |name: &str| file.get(name).expect("set").to_owned();
        let (endpoint, key) = (variable("AMAAS_ENDPOINT"), variable("AMAAS_API_KEY"));
        Self { child, folder, endpoint, key }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it is running")
    }

    /// Its base URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A key for every model.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Publishes the ONNX file `network` as `name`, and waits until it is served.
    pub async fn publish(&self, name: &str, network: &Path) {
        self.publish_with(name, network, &[]).await;
    }

    /// The same, with further arguments of `amaas publish`.
    pub async fn publish_with(&self, name: &str, network: &Path, more: &[String]) {
        let mut command = amaas(self.folder.path()).await;
        command.arg("publish").arg(network).args(["--name", name]).args(more);
        let output = command.output().await.expect("it can be run");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let url = format!("{}/v2/models/{name}/ready", self.endpoint);
        until("the model is served", async || reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200))
            .await;
    }
}

/// The program in `folder`, without the settings of this process.
async fn amaas(folder: &Path) -> Command {
    let mut command = Command::new(binary("amaas"));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("ORT_DYLIB_PATH", library().await).env("ORT_DISABLE_TELEMETRY", "1");
    // The folder in which it records its env file.
    command.env("XDG_STATE_HOME", folder.join("state"));
    command
}
