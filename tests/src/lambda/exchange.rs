//! Where invocations wait for the function, and callers for answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

/// What goes between the Runtime API and the Function URL.
#[derive(Default)]
pub(super) struct Exchange {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: std::collections::VecDeque<Invocation>,
    under_way: HashMap<String, oneshot::Sender<Answer>>,
    most_at_once: usize,
    answers: (usize, usize),
    extensions: Vec<String>,
    signer: Option<String>,
}

/// One event for the function.
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Vec<u8>,
    reply: oneshot::Sender<Answer>,
}

/// What the function made of it.
pub(super) enum Answer {
    /// The whole answer, in the shape that a Function URL takes.
    Whole(Bytes),
    /// Status and headers, and then the body as it comes.
    Streamed { prelude: Value, body: Body },
    /// The function reported an error.
    Failed,
}

impl Exchange {
    /// Hands `event` to the function and waits for its answer; `None` where it never comes.
    pub(super) async fn invoke(&self, id: String, event: Vec<u8>) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.lock().waiting.push_back(Invocation { id, event, reply });
        self.arrived.notify_one();
        answer.await.ok()
    }

    /// The next event; waits for it. Whoever takes it has to answer under its id.
    pub(super) async fn next(&self) -> (String, Vec<u8>) {
        loop {
            let arrived = self.arrived.notified();
            if let Some(taken) = self.take() {
                return taken;
            }
            arrived.await;
        }
    }

    fn take(&self) -> Option<(String, Vec<u8>)> {
        let mut state = self.lock();
        let Invocation { id, event, reply } = state.waiting.pop_front()?;
        state.under_way.insert(id.clone(), reply);
        state.most_at_once = state.most_at_once.max(state.under_way.len());
        if !state.waiting.is_empty() {
            self.arrived.notify_one();
        }
        Some((id, event))
    }

    /// Answers the invocation `id`; whether it was under way.
    pub(super) fn answer(&self, id: &str, answer: Answer) -> bool {
        let mut state = self.lock();
        let Some(reply) = state.under_way.remove(id) else { return false };
        match &answer {
            Answer::Whole(_) => state.answers.0 += 1,
            Answer::Streamed { .. } => state.answers.1 += 1,
            Answer::Failed => {}
        }
        // A caller that went away wants no answer.
        let _ = reply.send(answer);
        true
    }

    pub(super) fn register(&self, extension: String) {
        self.lock().extensions.push(extension);
    }

    pub(super) fn signed_by(&self, arn: Option<&str>) {
        self.lock().signer = arn.map(str::to_owned);
    }

    /// The principal that callers sign as.
    pub(super) fn signer(&self) -> Option<String> {
        self.lock().signer.clone()
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.lock().most_at_once
    }

    pub(super) fn answers(&self) -> (usize, usize) {
        self.lock().answers
    }

    pub(super) fn extensions(&self) -> Vec<String> {
        self.lock().extensions.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
