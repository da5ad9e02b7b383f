//! The request pipeline, one type for each step: [`Caller`] is authenticated, [`AuthorisedModel`] may be called, [`ActiveCall`] runs, and
//! [`AnsweredCall`] may be sent.

mod admitted;
mod answered;
mod authorise;
mod authorised;
mod call;
mod call_error;
mod charges;
mod context;
mod overhead;
mod raw;

pub(crate) use self::answered::AnsweredCall;
pub(crate) use self::authorise::Caller;
pub(crate) use self::authorised::AuthorisedModel;
pub(crate) use self::call::ActiveCall;
pub(crate) use self::call_error::CallError;
pub(crate) use self::context::{CallContext, CallId};
pub use self::overhead::measure_call_overhead;
pub(crate) use self::raw::decode_raw_tensor;
