//! A call that was answered.

use crate::answer::CallTrace;
use crate::error::{Error, ErrorKind};
use crate::transport::ReceivedResponse;

/// An accepted answer, and how it was obtained.
#[derive(Debug)]
pub(crate) struct CompletedCall {
    pub(crate) received: ReceivedResponse,
    pub(crate) trace: CallTrace,
}

impl CompletedCall {
    /// The error for an accepted answer that cannot be read.
    pub(crate) fn misread(&self, what: String) -> Error {
        Error::new(ErrorKind::Protocol, what)
            .with_status(self.received.status)
            .or_request_id(Some(self.trace.request_id.clone()))
            .after(self.trace.attempts, self.trace.elapsed)
    }
}
