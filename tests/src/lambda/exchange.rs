//! Passes invocations to the function and answers to clients.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

/// The state that Runtime API and Function URL share.
#[derive(Default)]
pub(super) struct Exchange {
    state: Mutex<ExchangeState>,
    arrived: Notify,
}

#[derive(Default)]
struct ExchangeState {
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

/// The function's answer to an invocation.
pub(super) enum Answer {
    /// The whole answer, in a Function URL's shape.
    Whole(Bytes),
    /// Status and headers, and a streamed body.
    Streamed { prelude: Value, body: Body },
    /// The function reported an error.
    Failed,
}

impl Exchange {
    /// Passes `event` to the function and waits for its answer; `None` if it never comes.
    pub(super) async fn invoke(&self, id: String, event: Vec<u8>) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.lock().waiting.push_back(Invocation { id, event, reply });
        self.arrived.notify_one();
        answer.await.ok()
    }

    /// Waits for the next event. The receiver has to answer under its id.
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

    /// Answers the invocation `id`; returns whether it was in flight.
    pub(super) fn answer(&self, id: &str, answer: Answer) -> bool {
        let mut state = self.lock();
        let Some(reply) = state.under_way.remove(id) else { return false };
        match &answer {
            Answer::Whole(_) => state.answers.0 += 1,
            Answer::Streamed { .. } => state.answers.1 += 1,
            Answer::Failed => {}
        }
        // A client that disconnected needs no answer.
        let _ = reply.send(answer);
        true
    }

    pub(super) fn register(&self, extension: String) {
        self.lock().extensions.push(extension);
    }

    pub(super) fn signed_by(&self, arn: Option<&str>) {
        self.lock().signer = arn.map(str::to_owned);
    }

    /// The principal that signs the clients' requests.
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

    fn lock(&self) -> MutexGuard<'_, ExchangeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
