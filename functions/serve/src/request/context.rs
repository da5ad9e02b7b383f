//! The context of a call, known before its content is read.

use std::sync::Arc;

use amaas_access::Price;
use amaas_access::quota::{LeasedLimit, LimitPlan};
use http::HeaderValue;

use super::Caller;
use crate::state::AppState;

/// The context of a call, known before its content is read.
pub(crate) struct CallContext {
    pub(crate) state: AppState,
    pub(crate) caller: Caller,
    pub(crate) plan: Arc<LimitPlan>,
    pub(crate) max_cost: Option<Arc<LeasedLimit>>,
    pub(crate) price: Price,
    pub(crate) sealed: bool,
    pub(crate) request_id: HeaderValue,
}

/// Identifies a call with an idempotency key: a digest of the tenant, the key and the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallId(pub(crate) [u8; 32]);
