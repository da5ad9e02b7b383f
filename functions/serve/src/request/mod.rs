//! From a request to a response, each step a type: [`Caller`] has a valid key, [`AuthorisedModel`] may call a model, [`Call`] runs it, and
//! [`AnsweredCall`] may leave.

mod answered;
mod authorise;
mod authorised;
mod call;
mod raw;
mod rehearsal;

pub(crate) use self::answered::AnsweredCall;
pub(crate) use self::authorise::Caller;
pub(crate) use self::authorised::AuthorisedModel;
pub(crate) use self::call::{ActiveCall, CallContext, CallError, CallId};
pub(crate) use self::raw::raw;
pub use self::rehearsal::rehearse;
