//! `cargo lambda watch`, an independent emulation of Lambda.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::wait::until;
use crate::{Logs, Program, loopback, python};

/// The Runtime API and Function URLs of `cargo lambda`, without its rebuilds. It ends when this is dropped.
pub struct CargoLambda {
    address: SocketAddr,
    _child: Child,
    logs: Logs,
}

impl CargoLambda {
    /// Installs it if it is missing, and starts it.
    ///
    /// # Errors
    /// Why it cannot be installed: no Python, no pip, or no package index that can be reached.
    pub async fn start() -> Result<Self, String> {
        let program = install().await?;
        let address = loopback::closed_address();
        let mut command = Command::new(program);
        command.args(["lambda", "watch", "--only-lambda-apis", "--disable-cors", "--invoke-address"]);
        command.arg(address.ip().to_string()).args(["--invoke-port", &address.port().to_string()]);
        // It reads the manifest of its working directory; that must not need the network.
        command
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/sentiment"))
            .env("CARGO_NET_OFFLINE", "true");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("cargo-lambda does not start: {error}"))?;
        let logs = Logs::read(child.stderr.take().expect("it is piped"));
        until("cargo-lambda listens", async || {
            TcpStream::connect(address).await.is_ok() || child.try_wait().is_ok_and(|ended| ended.is_some())
        })
        .await;
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("cargo-lambda ended: {status}\n{}", logs.lines().join("\n")));
        }
        Ok(Self { address, _child: child, logs })
    }

    /// The function's `AWS_LAMBDA_RUNTIME_API`.
    pub fn runtime_api(&self, program: Program) -> String {
        format!("http://{}/.rt/{}", self.address, program.name())
    }

    /// The Function URL.
    pub fn url(&self, program: Program) -> String {
        format!("http://{}/lambda-url/{}", self.address, program.name())
    }

    /// Its standard error.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }
}

/// The program, in a virtual environment beside the build, through pip.
async fn install() -> Result<PathBuf, String> {
    Ok(python::environment("cargo-lambda", &[PACKAGE]).await?.join("cargo-lambda"))
}

const PACKAGE: &str = "cargo-lambda==1.9.2";
