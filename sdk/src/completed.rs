//! A call that was answered.

use crate::answer::CallTrace;
use crate::error::{Error, ErrorKind};
use crate::transport::ReceivedResponse;

/// An answer that was accepted, and how it came about.
#[derive(Debug)]
pub(crate) struct CompletedCall {
    pub(crate) received: ReceivedResponse,
    pub(crate) trace: CallTrace,
}

impl CompletedCall {
    /// The error for an accepted answer that turned out to be something else.
    pub(crate) fn misread(&self, what: String) -> Error {
        Error::new(ErrorKind::Protocol, what)
            .with_status(self.received.status)
            .or_request_id(Some(self.trace.request_id.clone()))
            .after(self.trace.attempts, self.trace.elapsed)
    }
}
