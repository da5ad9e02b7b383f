//! The output of a process, line by line, while it runs.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

use crate::wait::within;

/// The lines of a process's standard error or output. Log lines are JSON; other lines may be among them.
pub struct Logs(watch::Receiver<Vec<String>>);

impl Logs {
    /// Reads `from` until it ends.
    pub fn read(from: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut lines = BufReader::new(from).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|lines| lines.push(line));
            }
        });
        Self(receiver)
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Waits for the JSON line whose `message` is `message`.
    pub async fn message(&self, message: &str) -> Value {
        self.find(&format!("log line {message:?}"), |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == message).then_some(line)
        })
        .await
    }

    /// Waits for the first line that contains `text`.
    pub async fn containing(&self, text: &str) -> String {
        self.find(&format!("log line with {text:?}"), |line| line.contains(text).then(|| line.to_owned())).await
    }

    async fn find<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        let mut lines = self.0.clone();
        let found = |lines: &Vec<String>| lines.iter().find_map(|line| pick(line));
        let seen = within(what, lines.wait_for(|lines| found(lines).is_some())).await.map(|lines| found(&lines));
        let Ok(Some(found)) = seen else { panic!("{what}: the process ended without it: {:#?}", self.lines()) };
        found
    }
}
