//! A function as a process.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::thread::panicking;

use amaas_wire::oip::ReadyState;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::Logs;
use crate::wait::{until, within};

/// A running function. It is killed when this is dropped.
pub struct Function {
    child: Child,
    pid: Pid,
    logs: Logs,
    output: Logs,
}

impl Function {
    pub(crate) fn new(mut child: Child) -> Self {
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).expect("it was just started");
        let logs = Logs::read(child.stderr.take().expect("it is piped"));
        let output = Logs::read(child.stdout.take().expect("it is piped"));
        Self { child, pid, logs, output }
    }

    /// Its standard error.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Its standard output.
    pub fn output(&self) -> &Logs {
        &self.output
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The address of its HTTP server; waits until it listens.
    pub async fn address(&self) -> SocketAddr {
        let line = self.logs.message("listening").await;
        line["address"].as_str().and_then(|address| address.parse().ok()).expect("the line names the address")
    }

    /// The base URL of its HTTP server; waits until it listens.
    pub async fn endpoint(&self) -> String {
        format!("http://{}", self.address().await)
    }

    /// Waits until its HTTP server reports that every model is ready.
    pub async fn ready(&self) -> SocketAddr {
        let address = self.address().await;
        until("the function gets ready", || async { self.readiness().await.ready }).await;
        address
    }

    /// Waits until it reports that it is not ready, with a reason that `fits`, and returns the reason.
    pub async fn not_ready(&self, fits: impl Fn(&str) -> bool) -> String {
        let mut last_reason = String::new();
        until("the function says why it is not ready", async || {
            let reason = self.readiness().await.reason.unwrap_or_default();
            if reason != last_reason {
                eprintln!("not ready: {reason}");
            }
            last_reason = reason;
            fits(&last_reason)
        })
        .await;
        last_reason
    }

    /// The body of `/v2/health/ready`, after a check that the status agrees.
    pub async fn readiness(&self) -> ReadyState {
        let url = format!("{}/v2/health/ready", self.endpoint().await);
        let answer = within("an answer about readiness", reqwest::get(url)).await.expect("the server answers");
        let status = answer.status().as_u16();
        let ready: ReadyState = answer.json().await.expect("readiness is JSON");
        assert_eq!(status, if ready.ready { 200 } else { 503 }, "{ready:?}");
        ready
    }

    /// Asks it to stop, as a host does.
    pub fn terminate(&self) {
        kill_process(self.pid, Signal::TERM).expect("it is running");
    }

    /// Kills it, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it is running");
    }

    /// Waits until it ends by itself.
    pub async fn exit(&mut self) -> ExitStatus {
        within("the end of the process", self.child.wait()).await.expect("it is a child of this process")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if panicking() {
            let lines = self.logs.lines();
            let last = &lines[lines.len().saturating_sub(MAX_SHOWN_LINES)..];
            eprintln!("the end of the function's log:\n{}", last.join("\n"));
        }
    }
}

/// Lines of the log that a failed test shows.
const MAX_SHOWN_LINES: usize = 20;
