//! Settings and state that all calls of a client share.

use std::sync::Arc;
use std::time::Duration;

use amaas_wire::dsse::VerifyingKey;

use crate::credentials::ClientCredentials;
use crate::retry::RetryPolicy;
use crate::seal::CallSealer;
use crate::transport::Transport;

/// The settings and state that all calls of a client share.
pub(crate) struct CallContext {
    pub(crate) transport: Arc<dyn Transport>,
    /// `None` if sealing is off.
    pub(crate) seal: Option<CallSealer>,
    /// The pinned signers of receipts; `None` without pins.
    pub(crate) signers: Option<Vec<VerifyingKey>>,
    pub(crate) credentials: ClientCredentials,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_answer: usize,
}
