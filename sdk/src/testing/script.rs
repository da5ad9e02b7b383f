//! The script of a server, and the requests that it recorded.

use std::collections::VecDeque;

use amaas_wire::problem::{MEDIA_TYPE, Problem, TYPE_PREFIX};

use super::reply::ServerAnswer;
use super::server_keys::ServerKeys;
use super::{RecordedRequest, ScriptedReply};

pub(super) struct ReplyScript {
    pub(super) lock: ServerKeys,
    queue: VecDeque<ScriptedReply>,
    requests: Vec<RecordedRequest>,
    key_requests: Vec<RecordedRequest>,
}

impl ReplyScript {
    pub(super) fn new(lock: ServerKeys) -> Self {
        Self { lock, queue: VecDeque::new(), requests: Vec::new(), key_requests: Vec::new() }
    }

    /// Keeps the request for keys, and answers it.
    pub(super) fn keys(&mut self, request: RecordedRequest) -> ServerAnswer {
        let document = self.lock.document(request.path());
        let is_unknown = self.lock.is_of_unknown_model(request.path());
        self.key_requests.push(request);
        if is_unknown {
            let kind = format!("{TYPE_PREFIX}unknown-model");
            let problem = Problem::new(kind, "unknown model", 404, "there is no such model");
            let body = serde_json::to_vec(&problem).unwrap_or_default().into();
            return ServerAnswer {
                status: 404,
                headers: vec![("content-type".to_owned(), MEDIA_TYPE.to_owned())],
                body,
            };
        }
        let (status, media_type, body) = match document {
            Some((body, media_type)) => (200, media_type, body),
            None => (404, "text/plain", "there is no manifest".into()),
        };
        ServerAnswer { status, headers: vec![("content-type".to_owned(), media_type.to_owned())], body }
    }

    pub(super) fn key_requests(&self) -> Vec<RecordedRequest> {
        self.key_requests.clone()
    }

    pub(super) fn push(&mut self, reply: ScriptedReply) {
        self.queue.push_back(reply);
    }

    /// Changes the reply that was queued last.
    pub(super) fn amend(&mut self, change: impl FnOnce(ScriptedReply) -> ScriptedReply) {
        if let Some(reply) = self.queue.pop_back() {
            self.queue.push_back(change(reply));
        }
    }

    /// Keeps the request, and takes the first reply that fits its model.
    pub(super) fn answer(&mut self, request: RecordedRequest) -> ScriptedReply {
        let fits = self.queue.iter().position(|reply| reply.fits(request.model()));
        let reply = fits.and_then(|index| self.queue.remove(index)).unwrap_or_else(|| {
            let what = format!("the test has no answer queued for {} {}", request.method(), request.path());
            // 501 is not retried, so that the test sees this at once.
            ScriptedReply::problem(501, "nothing-queued", &what)
        });
        self.requests.push(request);
        reply
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.requests.clone()
    }

    pub(super) fn remaining(&self) -> usize {
        self.queue.len()
    }
}
